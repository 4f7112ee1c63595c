package remedy

import (
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/job"
)

func TestEveryDeadLetterReasonHasARemedy(t *testing.T) {
	t.Parallel()
	unknown := OfDeadLetter("of a later version")
	if unknown == "" || OfHold("of a later version") == "" {
		t.Error("a reason that is not known has no remedy")
	}
	for _, r := range job.DeadLetterReasons {
		if text := OfDeadLetter(r); text == unknown || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q", r, text)
		}
	}
	if got, want := len(ofDeadLetters), len(job.DeadLetterReasons); got != want {
		t.Errorf("%d remedies for %d reasons", got, want)
	}
}

func TestEveryReasonOfAShutGateHasARemedy(t *testing.T) {
	t.Parallel()
	for _, r := range []job.Reason{
		job.CredentialsRefused, job.IdentityUnavailable, job.TokenRefused, job.SessionTaken, job.Throttled, job.ServiceUnavailable, job.BreakerOpen,
		job.ConnectionFailed, job.ConnectionLost, job.TimedOut, job.UnexpectedAnswer, job.Forbidden, job.RejectGuard,
	} {
		if OfHold(r) == OfHold("of a later version") {
			t.Errorf("%s has none", r)
		}
	}
}

func TestEveryTroubleWithNATSHasARemedy(t *testing.T) {
	t.Parallel()
	for _, r := range []job.Reason{Disconnected, Starting, PermissionDenied, ConsumerLost, JetStreamTrouble, job.Stopping} {
		if text := OfNATS(r); text == OfNATS("of a later version") || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q", r, text)
		}
	}
}

func TestEveryCodeOfALogInHasARemedy(t *testing.T) {
	t.Parallel()
	for code, text := range ofLogIns {
		if OfLogIn(job.CredentialsRefused, code) != text || !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q", code, text)
		}
	}
	// The API's refusal keeps no code of an earlier log-in.
	for _, r := range []job.Reason{job.TokenRefused, job.SessionTaken} {
		if got := OfLogIn(r, "invalid_client"); got != OfHold(r) {
			t.Errorf("%s: %q", r, got)
		}
	}
	if got := OfLogIn(job.IdentityUnavailable, "of a later version"); got != OfHold(job.IdentityUnavailable) {
		t.Errorf("a code that is not known: %q", got)
	}
}

// TestRemediesFitEveryProduct: not every credential has a token_url.
func TestRemediesFitEveryProduct(t *testing.T) {
	t.Parallel()
	for code, words := range map[string][]string{
		"no_endpoint":              {"token_url", "the connection's url", "generation", "9898", "uipath_legacy"},
		"no_token":                 {"token_url", "or url"},
		"generic.server.exception": {"the request may be wrong", "generation", "e11", "a360"},
		"unsupported_grant_type":   {"Veeam"},
		"invalid_grant":            {`DOMAIN\USERNAME`, "refresh token"},
		"mfa_required":             {"totp_secret"},
		"UM1110":                   {"api_key or password", "locked"},
	} {
		for _, reason := range []job.Reason{job.CredentialsRefused, job.IdentityUnavailable} {
			text := OfLogIn(reason, code)
			for _, word := range words {
				if !strings.Contains(text, word) {
					t.Errorf("%s: %q says nothing of %s", code, text, word)
				}
			}
		}
	}
}

func TestEveryAnswerAboutClientsHasARemedy(t *testing.T) {
	t.Parallel()
	for reason, text := range ofClients {
		if OfClients(reason) != text || !strings.HasSuffix(text, ".") || strings.Contains(text, "by itself") {
			t.Errorf("%s: %q", reason, text)
		}
	}
	if got := OfClients(job.ConnectionFailed); got != OfHold(job.ConnectionFailed) {
		t.Errorf("%q", got)
	}
}

// A token that the server made is not the operator's to mend.
func TestAMalformedTokenOfAServer(t *testing.T) {
	t.Parallel()
	if text := OfLogIn(job.IdentityUnavailable, "token_malformed"); text == ofLogIns["token_malformed"] || !strings.Contains(text, "token_url") {
		t.Errorf("%q", text)
	}
}
