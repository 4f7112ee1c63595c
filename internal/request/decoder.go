package request

import (
	"context"

	"github.com/queueferry/queueferry/internal/job"
)

// Settings say how the messages of one route are decoded. The zero value
// decodes without transform, sets nothing and allows nothing.
type Settings struct {
	// Fixed stands against everything, Defaults give way to the message.
	Fixed, Defaults Preset
	// Allow lists what a message may set by itself.
	Allow Allow
	// Transform is a jq program that turns a message's JSON into a request.
	// Empty: none.
	Transform string
	// Same compares names of folders, queues and processes as the product does.
	// Nil compares them byte by byte. It must be safe for concurrent use.
	Same func(a, b string) bool
	// ReferenceColumn is the field of an item's content that bears its reference.
	// Empty: none.
	ReferenceColumn string
	// FixedOptions are options that Fixed alone may set, whatever Allow says: a
	// message that sets another value is not allowed.
	FixedOptions []string
	// NoFolders tells that the product has none: the queue or process says where a
	// request goes.
	NoFolders bool
	// Plans tells that a process is a plan: what may be done with it Allow.Plans
	// alone says, and not Allow.Options.
	Plans bool
	// Unsupported says why the product has no such action. Nil: it has both.
	Unsupported map[job.Action]string
}

// Decoder decodes the messages of one route. It is safe for concurrent use.
type Decoder struct {
	fixed, defaults Preset
	// content, arguments and options are defaults with fixed laid over them.
	content, arguments, options job.Fields
	allow                       Allow
	same                        func(a, b string) bool
	transform                   *transform // nil: none
	column                      string
	fixedOptions                []string
	noFolders                   bool
	plans                       bool
	unsupported                 map[job.Action]string
}

// NewDecoder makes a decoder. Its only error is a transform that does not
// compile; the text then says where.
func NewDecoder(s Settings) (*Decoder, error) {
	t, err := newTransform(s.Transform)
	if err != nil {
		return nil, err
	}
	if s.Same == nil {
		s.Same = func(a, b string) bool { return a == b }
	}
	return &Decoder{
		fixed:     s.Fixed,
		defaults:  s.Defaults,
		content:   overlay(s.Defaults.Content, s.Fixed.Content),
		arguments: overlay(s.Defaults.Arguments, s.Fixed.Arguments),
		options:   overlay(s.Defaults.Options, s.Fixed.Options),
		allow:     s.Allow,
		same:      s.Same,
		transform: t,

		column: s.ReferenceColumn, fixedOptions: s.FixedOptions, noFolders: s.NoFolders,
		plans: s.Plans || len(s.Allow.Plans) > 0, unsupported: s.Unsupported,
	}, nil
}

// draft is what a message says, before the route has its say.
type draft struct {
	req     *job.Request
	id      string // the body's id
	event   bool   // it is a CloudEvent: the body's id has no say
	eventID string // source|id of the CloudEvent
}

// Decode reads one message. The request is never nil and always has its ID,
// also that of a message that is no request at all. When ok is true the request
// is complete; when it is false out says what became of it, and of the
// request's other fields there is what could be read:
//
//   - Rejected, with the reason undecodable (not one JSON object),
//     invalid_request, unsupported_action, not_allowed or transform_failed, and a detail that names
//     the field but no content;
//   - Dropped, where the transform gave nothing;
//   - Unavailable, with the reason stopping, where ctx ended while the transform ran: nothing is known of
//     the message, decode it again.
//
// The request keeps slices of m.Data: do not change it afterwards.
func (d *Decoder) Decode(ctx context.Context, m Message) (req *job.Request, out job.Outcome, ok bool) {
	dr := draft{req: &job.Request{}}
	stop := d.read(ctx, m, &dr)
	dr.req.ID = identity(m, &dr)
	if stop == nil {
		stop = d.complete(dr.req)
	}
	if stop != nil {
		return dr.req, *stop, false
	}
	return dr.req, job.Outcome{}, true
}

// complete makes a request of what the message said and the route sets.
func (d *Decoder) complete(req *job.Request) *job.Outcome {
	if stop := d.chooseAction(req); stop != nil {
		return stop
	}
	if stop := fitsAction(req); stop != nil {
		return stop
	}
	if stop := d.bound(req); stop != nil {
		return stop
	}
	if req.Reference == "" {
		req.Reference = referenceOf(req.ID)
	}
	return nil
}
