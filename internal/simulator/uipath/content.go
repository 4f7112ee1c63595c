package uipath

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var errNested = &refusal{status: http.StatusBadRequest, code: codeParameterInvalid, name: "ParameterInvalid",
	message: "Property values must be simple (like numbers or text)"}

// storeContent reads SpecificContent as the server does and gives the JSON that
// it keeps: flat, without type annotations, with numbers as .NET would write
// them (whole ones of 64 bits as they are, others as doubles: 12.50 becomes
// 12.5). What rewrite does comes on top. raw is an object that is valid JSON without repeated names.
func storeContent(raw jsontext.Value) ([]byte, *refusal) {
	decoder := jsontext.NewDecoder(bytes.NewReader(raw))
	_, _ = decoder.ReadToken() // {
	stored := append(make([]byte, 0, len(raw)), '{')
	for decoder.PeekKind() == '"' {
		token, err := decoder.ReadToken()
		if err != nil {
			return nil, errNested
		}
		name := token.String()
		token, err = decoder.ReadToken()
		if err != nil {
			return nil, errNested
		}
		if property, _, annotated := strings.Cut(name, "@odata."); annotated {
			if refused := checkAnnotation(property, name, token); refused != nil {
				return nil, refused
			}
			continue
		}
		if refused := checkName(name); refused != nil {
			return nil, refused
		}
		if len(stored) > 1 {
			stored = append(stored, ',')
		}
		stored = append(appendText(stored, name), ':')
		var refused *refusal
		if stored, refused = appendPlain(stored, token); refused != nil {
			return nil, refused
		}
	}
	return append(stored, '}'), nil
}

// checkAnnotation accepts "Name@odata.type": "#Type" and no other annotation.
func checkAnnotation(property, name string, value jsontext.Token) *refusal {
	if property == "" || name != property+"@odata.type" || value.Kind() != '"' || !strings.HasPrefix(value.String(), "#") {
		return invalidName(name)
	}
	return nil
}

// checkName refuses what means something else in OData's JSON. The further
// characters that UiPath Studio's activity refuses are not refused here: whether
// the API minds them is not documented.
func checkName(name string) *refusal {
	if name == "" || strings.ContainsAny(name, "@#") {
		return invalidName(name)
	}
	return nil
}

func invalidName(name string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codeParameterInvalid, name: "ParameterInvalid",
		message: "The property name '" + name + "' is invalid."}
}

func appendPlain(dst []byte, value jsontext.Token) ([]byte, *refusal) {
	switch value.Kind() {
	case '"':
		return appendText(dst, value.String()), nil
	case '0':
		return appendNumber(dst, value.String())
	case 't', 'f', 'n':
		return append(dst, value.String()...), nil
	default:
		return nil, errNested
	}
}

func appendNumber(dst []byte, literal string) ([]byte, *refusal) {
	if _, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return append(dst, literal...), nil
	}
	double, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(double, 0) {
		return nil, &refusal{status: http.StatusBadRequest, code: codeParameterInvalid, name: "ParameterInvalid",
			message: "The number '" + literal + "' is out of range."}
	}
	return jsontext.AppendFloat(dst, double, 64), nil
}
