package config

import (
	"maps"
	"slices"
)

// grantKeys are the keys of a credential that a grant needs, and those that it
// may have.
type grantKeys struct{ needed, optional []string }

// grants lists the ways to log in to each product.
var grants = map[Product]map[Grant]grantKeys{
	UiPath: {
		ClientCredentials: {
			needed:   []string{"token_url", "client_id", "client_secret"},
			optional: []string{"token_endpoint_auth_method", "scopes", "revocation_url"},
		},
		Password: {
			needed:   []string{"token_url", "client_id", "username", "password"},
			optional: []string{"client_secret", "token_endpoint_auth_method", "scopes", "revocation_url"},
		},
		Static:       {needed: []string{"token"}},
		UiPathLegacy: {needed: []string{"username", "password"}},
	},
	AutomationAnywhere: {
		ControlRoom: {
			needed:   []string{"username"},
			optional: []string{"api_key", "password", "totp_secret", "multiple_login"},
		},
	},
	Veeam: {
		Password:          {needed: []string{"username", "password"}, optional: []string{"totp_secret"}},
		ClientCredentials: {needed: []string{"client_id", "client_secret"}},
		RefreshToken:      {needed: []string{"refresh_token"}},
	},
}

// tokenURLAdvice says where each product's token comes from, if it is not asked for.
var tokenURLAdvice = map[Product]string{
	AutomationAnywhere: "it follows from url and generation",
	Veeam:              "it follows from url",
}

// credentialKeys is every key but grant.
var credentialKeys = []string{
	"token_url", "revocation_url", "token_endpoint_auth_method", "client_id", "client_secret", "scopes", "username",
	"password", "api_key", "refresh_token", "token", "totp_secret", "multiple_login",
}

func (s *section) credentials(product Product, generation string) []Credential {
	if !s.require("credentials", "give at least one under it, beginning with - grant:") {
		return nil
	}
	var out []Credential
	s.list("credentials", func(_ int, n *node, path string) {
		s.read(n, path, func(s *section) { out = append(out, s.credential(product, generation)) })
	})
	if n := s.get("credentials"); n != nil && n.kind == sequence && len(out) == 0 {
		s.wrong("credentials", "is empty; give at least one, beginning with - grant:")
	}
	return out
}

func (s *section) credential(product Product, generation string) Credential {
	out := Credential{
		Grant:         s.grant(product),
		TokenURL:      s.address("token_url"),
		RevocationURL: s.address("revocation_url"),
		AuthMethod:    choice(s, "token_endpoint_auth_method", "", ClientSecretPost, ClientSecretBasic),
		ClientID:      s.str("client_id", ""),
		ClientSecret:  s.secret("client_secret"),
		Scopes:        s.strs("scopes"),
		Username:      s.str("username", ""),
		Password:      s.secret("password"),
		APIKey:        s.secret("api_key"),
		RefreshToken:  s.secret("refresh_token"),
		Token:         s.secret("token"),
		TOTPSecret:    s.secret("totp_secret"),
		MultipleLogin: s.boolean("multiple_login", false),
	}
	if keys, known := grants[product][out.Grant]; known {
		s.fitting(product, out.Grant, keys)
	}
	if out.Grant == Password && product == UiPath && s.has("token_endpoint_auth_method") && !s.has("client_secret") {
		s.problem(s.at("token_endpoint_auth_method"), "needs client_secret; give it, or remove this key")
	}
	if out.Grant == ControlRoom && product == AutomationAnywhere {
		s.controlRoom(generation)
	}
	return out
}

// grant is how to log in, if product has that way.
func (s *section) grant(product Product) Grant {
	known := slices.Sorted(maps.Keys(grants[product]))
	if product == "" {
		known = []Grant{ClientCredentials, ControlRoom, Password, RefreshToken, Static, UiPathLegacy}
	}
	s.requireText("grant", "say how to log in: "+orList(texts(known)))
	grant := choice(s, "grant", "", ClientCredentials, ControlRoom, Password, RefreshToken, Static, UiPathLegacy)
	if grant != "" && !slices.Contains(known, grant) {
		s.wrong("grant", "is not a way to log in to %s; use %s", product, orList(texts(known)))
	}
	return grant
}

func texts[T ~string](values []T) []string {
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

// fitting notes the keys that the grant needs and are missing, and those that
// it does not use.
func (s *section) fitting(product Product, grant Grant, keys grantKeys) {
	for _, key := range keys.needed {
		s.requireText(key, "grant "+string(grant)+" needs it")
	}
	for _, key := range credentialKeys {
		advice := tokenURLAdvice[product]
		switch {
		case !s.has(key) || slices.Contains(keys.needed, key) || slices.Contains(keys.optional, key):
		case key == "token_url" && advice != "":
			s.problem(s.at(key), "is not for %s: %s; remove it", product, advice)
		default:
			s.problem(s.at(key), "is not used with grant %s on %s; remove it", grant, product)
		}
	}
}

// controlRoom checks what the table cannot say.
func (s *section) controlRoom(generation string) {
	switch key, password := s.has("api_key"), s.has("password"); {
	case key && password:
		s.problem(s.at("password"), "cannot stand beside api_key; keep one of the two")
	case !key && !password:
		s.require("api_key", "grant control_room needs api_key or password")
	}
	switch {
	case s.has("multiple_login") && generation == "e11":
		s.problem(s.at("multiple_login"), "is only for generation a360; remove it")
	case s.has("multiple_login") && s.has("api_key"):
		s.problem(s.at("multiple_login"), "has no effect with api_key, whose sessions stand beside each other; remove it")
	}
	if s.has("totp_secret") && generation == "a360" {
		s.problem(s.at("totp_secret"), "is only for generation e11: a log-in of a360 has no passcode; remove it, and use an account without a second factor")
	}
}
