package uipath

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// The product's error codes that the simulator answers with (UiPath
// Orchestrator API guide, Response codes).
const (
	codeInvalidRequest     = 1000
	codeItemNotFound       = 1002
	codeInvalidArgument    = 1009
	codeParameterMissing   = 1014
	codeParameterInvalid   = 1015
	codeDuplicateReference = 1016
	codeInvalidFolder      = 1100
	codeFolderRequired     = 1101
	codePendingJobs        = 1670
	codeReferenceRequired  = 1850
)

const (
	plainJSON = "application/json; charset=utf-8"
	odataJSON = "application/json; odata.metadata=minimal; odata.streaming=true"
	pageHTML  = "text/html; charset=utf-8"
)

// answer is what goes back to the caller.
type answer struct {
	status      int
	contentType string
	header      http.Header // further headers; may be nil
	body        []byte
}

// with gives the answer a further header. Headers may be shared, so they are copied.
func (a answer) with(name, value string) answer {
	if a.header = a.header.Clone(); a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
	return a
}

// refusal is why an item or a call is not accepted: as a status and a code for
// the call, as a name for an item of a batch.
type refusal struct {
	status  int
	code    int
	name    string
	message string
}

// business is the ordinary error envelope.
func (c *call) business(status, code int, message string) answer {
	body := append([]byte(nil), `{"message":`...)
	body = appendText(body, message)
	body = append(body, `,"errorCode":`...)
	body = strconv.AppendInt(body, int64(code), 10)
	body = append(body, `,"traceId":`...)
	body = appendText(body, c.traceID())
	return answer{status: status, contentType: plainJSON, body: append(body, '}')}
}

func (c *call) refuse(r *refusal) answer { return c.business(r.status, r.code, r.message) }

// mustNotBeNull is what the product says of a body whose parameter it could not
// read, because it is missing or a value in it has the wrong type.
func (c *call) mustNotBeNull(parameter string) answer {
	return c.business(http.StatusBadRequest, 0, parameter+" must not be null")
}

// modelError is the problem document of a body that does not fit its model.
func (c *call) modelError(field, message string) answer {
	body := append([]byte(nil), `{"type":"https://tools.ietf.org/html/rfc9110#section-15.5.1",`+
		`"title":"One or more validation errors occurred.","status":400,"errors":{`...)
	body = appendText(body, field)
	body = append(body, ":["...)
	body = appendText(body, message)
	body = append(body, `]},"traceId":`...)
	body = appendText(body, c.traceID())
	return answer{status: http.StatusBadRequest, contentType: "application/problem+json; charset=utf-8", body: append(body, '}')}
}

func (c *call) unsupportedMedia() answer {
	body := append([]byte(nil), `{"type":"https://tools.ietf.org/html/rfc9110#section-15.5.16",`+
		`"title":"Unsupported Media Type","status":415,"traceId":`...)
	body = appendText(body, c.traceID())
	return answer{
		status: http.StatusUnsupportedMediaType, contentType: "application/problem+json; charset=utf-8", body: append(body, '}'),
	}
}

func unauthenticated() answer {
	a := abp(http.StatusUnauthorized, "You are not authenticated!",
		"You should be authenticated (sign in) in order to perform this operation.")
	return a.with("WWW-Authenticate", "Bearer")
}

func unauthorized() answer {
	return abp(http.StatusForbidden, "You are not authorized!", "You are not allowed to perform this operation.")
}

// abp is the envelope of the framework below the product, used for 401 and 403.
func abp(status int, message, details string) answer {
	body := append([]byte(nil), `{"message":`...)
	body = appendText(body, message)
	body = append(body, `,"errorCode":0,"result":null,"targetUrl":null,"success":false,"error":{"code":0,"message":`...)
	body = appendText(body, message)
	body = append(body, `,"details":`...)
	body = appendText(body, details)
	body = append(body, `,"validationErrors":null},"unAuthorizedRequest":`...)
	body = strconv.AppendBool(body, status == http.StatusForbidden)
	return answer{status: status, contentType: plainJSON, body: append(body, `,"__abp":true}`...)}
}

// page is what a gateway says.
func page(status int) answer {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	body := "<!DOCTYPE html>\r\n<html><head><title>" + title + "</title></head>\r\n<body><center><h1>" + title +
		"</h1></center><hr><center>gateway</center></body></html>\r\n"
	return answer{status: status, contentType: pageHTML, body: []byte(body)}
}

// appendText appends a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendText(dst []byte, text string) []byte {
	dst, err := jsontext.AppendQuote(dst, text)
	_ = err // tells of replaced bytes only
	return dst
}
