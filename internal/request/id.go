package request

import "strconv"

// HeaderRequestID is the header that names a request's identity against all
// else. It is the only inbound header of Queueferry that counts.
const HeaderRequestID = "Queueferry-Request-Id"

const headerMessageID = "Nats-Msg-Id"

// identity is the first of: the header Queueferry-Request-Id; the body's id, or
// for a CloudEvent its source and id; Nats-Msg-Id; the place in the stream. An
// empty one counts as none. The sequence alone would not do: after the store
// was rolled back it names another message.
func identity(m Message, dr *draft) string {
	if id, _ := m.header(HeaderRequestID); id != "" {
		return id
	}
	own := dr.id
	if dr.event {
		own = dr.eventID
	}
	if own != "" {
		return own
	}
	if id, _ := m.header(headerMessageID); id != "" {
		return id
	}
	return m.Stream + "-" + strconv.FormatUint(m.Sequence, 10) + "-" + strconv.FormatInt(m.Time.UnixNano(), 10)
}
