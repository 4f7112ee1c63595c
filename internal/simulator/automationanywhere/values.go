package automationanywhere

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ColumnType is what a column of a work-item model holds.
type ColumnType string

// The types.
const (
	Text   ColumnType = "TEXT"
	Number ColumnType = "NUMBER"
	Date   ColumnType = "DATE" // an instant of ISO 8601
)

// read gives a value as a display column shows it. Only a value of the type
// itself is taken: no number in a text, no null, and an instant in UTC, with a Z.
func (t ColumnType) read(value jsontext.Value) (shown string, ok bool) {
	switch t {
	case Number:
		var number float64
		if value.Kind() != '0' || json.Unmarshal(value, &number) != nil {
			return "", false
		}
		return javaDouble(number), true
	case Date:
		if value.Kind() != '"' || json.Unmarshal(value, &shown) != nil {
			return "", false
		}
		_, err := time.Parse(time.RFC3339Nano, shown)
		return shown, err == nil && strings.HasSuffix(shown, "Z")
	default:
		return shown, value.Kind() == '"' && json.Unmarshal(value, &shown) == nil
	}
}

// javaDouble writes a number as the columns were seen to have it: 100.0, and
// 9.007199254740991E15 (Enterprise 11, Workload Management API). That Automation
// 360 does the same is not documented, nor that it does not.
func javaDouble(number float64) string {
	format := byte('f')
	if size := math.Abs(number); size != 0 && (size < 1e-3 || size >= 1e7) {
		format = 'E'
	}
	digits, exponent, scientific := strings.Cut(strconv.FormatFloat(number, format, -1, 64), "E")
	if !strings.Contains(digits, ".") {
		digits += ".0"
	}
	if !scientific {
		return digits
	}
	power, _ := strconv.Atoi(exponent)
	return digits + "E" + strconv.Itoa(power)
}
