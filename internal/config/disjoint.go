package config

// validateSubjects checks that no message can go to two places.
func (r *reader) validateSubjects(c *Config) {
	r.apart("stream.subjects", c.Stream.Subjects)
	outputs := []struct{ path, subject string }{{"dead_letter.subject", c.DeadLetter.Subject}}
	if c.Outcomes != nil {
		outputs = append(outputs, struct{ path, subject string }{"outcomes.subject", c.Outcomes.Subject})
	}
	for i, out := range outputs {
		for j, subject := range c.Stream.Subjects {
			if meets(out.subject, subject) {
				r.problem(out.path, "overlaps %s: what is published there would come in as a request; use another subject",
					index("stream.subjects", j))
			}
		}
		for _, other := range outputs[:i] {
			if meets(out.subject, other.subject) || meets(out.subject, other.subject+".>") {
				r.problem(out.path, "overlaps %s; give each its own", other.path)
			}
		}
	}
	r.validateRouteSubjects(c)
}

// meets reports whether prefix, or what is published below it, is in subject.
func meets(prefix, subject string) bool {
	return subject != "" && (subjectsOverlap(prefix, subject) || subjectsOverlap(prefix+".>", subject))
}

// apart notes subjects of one list that overlap.
func (r *reader) apart(path string, subjects []string) {
	for i, a := range subjects {
		for j, b := range subjects[:i] {
			if a != "" && b != "" && subjectsOverlap(a, b) {
				r.problem(index(path, i), "overlaps %s; keep one of the two", index(path, j))
				break
			}
		}
	}
}

// validateRouteSubjects checks the routes' subjects against the stream and one
// another.
func (r *reader) validateRouteSubjects(c *Config) {
	taken := map[string]bool{} // subjects of the stream that some route takes
	for i, route := range c.Routes {
		path := join(index("routes", i), "subjects")
		r.apart(path, route.Subjects)
		for j, subject := range route.Subjects {
			if subject == "" {
				continue
			}
			if !r.covered(c.Stream.Subjects, subject, taken) {
				r.problem(index(path, j), "is not covered by stream.subjects, so no message could come; add it there")
			}
			r.contested(c.Routes[:i], subject, index(path, j))
		}
	}
	for i, subject := range c.Stream.Subjects {
		if subject != "" && !taken[subject] && len(c.Routes) > 0 {
			r.warn(index("stream.subjects", i), "is taken by no route: requests published there stay in the stream")
		}
	}
}

// covered reports whether one of the stream's subjects takes in all of subject,
// and marks those that meet it. An unreadable one may do so.
func (r *reader) covered(stream []string, subject string, taken map[string]bool) bool {
	covered := len(stream) == 0
	for _, s := range stream {
		covered = covered || s == "" || subjectCovers(s, subject)
		if s != "" && subjectsOverlap(s, subject) {
			taken[s] = true
		}
	}
	return covered
}

// contested notes an earlier route that takes some of subject's messages.
func (r *reader) contested(earlier []Route, subject, path string) {
	for i, route := range earlier {
		for j, other := range route.Subjects {
			if other != "" && subjectsOverlap(subject, other) {
				theirs := index(join(index("routes", i), "subjects"), j)
				r.problem(path, "overlaps %s (line %d), and a message may go to one route only; make them disjoint",
					theirs, r.placeOf(theirs).line)
				return
			}
		}
	}
}
