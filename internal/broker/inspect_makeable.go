package broker

import (
	"context"
)

// unmakeable is why a stream that is missing cannot be made as it is configured, as
// far as that shows beforehand; nil: nothing speaks against it.
func (i inspector) unmakeable(ctx context.Context, s store) error {
	if s.want.Replicas > 1 && i.c.NATS().ConnectedClusterName() == "" {
		return refused("replicas", noReplicas, s.at.what, s.want.Replicas)
	}
	for _, subject := range s.want.Subjects {
		// Who may not ask, or finds none, learns nothing.
		other, err := ask(ctx, i.c, askLimit, func(ctx context.Context) (string, error) {
			return i.c.JetStream().StreamNameBySubject(ctx, subject)
		})
		if err == nil && other != s.want.Name {
			return refused("subjects", "%s: %s cannot be made: stream %s stores some of %v already: name that stream, or choose other subjects",
				s.at.key, s.at.what, other, s.want.Subjects)
		}
	}
	return nil
}
