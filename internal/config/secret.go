package config

import "github.com/queueferry/queueferry/internal/secret"

const secretForms = "must be {env: NAME}, {file: PATH} or the secret itself in quotes"

// secret is the secret under key; not set where it is missing, empty or faulty.
func (s *section) secret(key string) secret.Source {
	n := s.get(key)
	switch {
	case n == nil:
		return secret.Source{}
	case n.kind == mapping:
		return s.reference(key, n)
	case notText(n) != "":
		s.wrong(key, secretForms)
	case n.text == "":
		return secret.Source{}
	default:
		return secret.Literal(n.text)
	}
	return secret.Source{}
}

// reference is {env: NAME} or {file: PATH}. Its keys are never printed: a
// secret may be among them.
func (s *section) reference(key string, n *node) secret.Source {
	if len(n.entries) != 1 {
		s.wrong(key, secretForms)
		return secret.Source{}
	}
	form, value := n.entries[0].key, n.entries[0].value
	switch {
	case value.kind == broken:
	case form != "env" && form != "file" || value.kind != scalar || value.text == "":
		s.wrong(key, secretForms)
	case form == "file":
		return secret.File(value.text)
	default:
		return s.fromEnv(key, value.text)
	}
	return secret.Source{}
}

func (s *section) fromEnv(key, name string) secret.Source {
	if !variableName.MatchString(name) {
		s.wrong(key, "env: takes the name of an environment variable: letters, digits and _")
		return secret.Source{}
	}
	value, set := s.env(name)
	switch {
	case !set:
		s.wrong(key, "needs the environment variable %s, which is not set; set it", name)
	case value == "":
		s.wrong(key, "needs the environment variable %s, which is empty; set it", name)
	default:
		return secret.Literal(value)
	}
	return secret.Source{}
}
