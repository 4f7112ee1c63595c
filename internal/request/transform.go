package request

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"github.com/queueferry/queueferry/internal/job"
)

const (
	transformTime   = time.Second
	transformOutput = 1 << 20 // bytes of JSON
)

// transform is a compiled jq program. It sees neither the environment nor
// files. A number that it hands through stays as it was written; one that it
// computes is exact as an integer, else a 64-bit float. A program that makes an
// id must make the same one each time: now would not do.
type transform struct {
	code  *gojq.Code
	limit time.Duration // for one message
}

var transformVariables = []string{"$subject", "$headers", "$sequence", "$time"}

// newTransform compiles the program; nil for an empty one.
func newTransform(program string) (*transform, error) {
	if strings.TrimSpace(program) == "" {
		return nil, nil
	}
	query, err := gojq.Parse(program)
	if err != nil {
		return nil, fmt.Errorf("request: transform: %s%w", position(program, err), err)
	}
	same := func(v any, _ []any) any { return v }
	code, err := gojq.Compile(query,
		gojq.WithVariables(transformVariables),
		gojq.WithEnvironLoader(func() []string { return nil }),
		gojq.WithInputIter(gojq.NewIter[any]()),
		gojq.WithFunction("debug", 0, 1, same),
		gojq.WithFunction("stderr", 0, 0, same),
		gojq.WithFunction("input_line_number", 0, 0, func(any, []any) any { return 0 }),
		gojq.WithFunction("input_filename", 0, 0, func(any, []any) any { return nil }),
	)
	if err != nil {
		return nil, fmt.Errorf("request: transform: %w", err)
	}
	return &transform{code: code, limit: transformTime}, nil
}

// position says where in the program jq found the fault.
func position(program string, err error) string {
	fault, ok := errors.AsType[*gojq.ParseError](err)
	if !ok {
		return ""
	}
	at := max(0, min(fault.Offset-len(fault.Token), len(program)))
	before := program[:at]
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return fmt.Sprintf("line %d, column %d: ", line, column)
}

// run gives the program's one output as JSON.
func (t *transform) run(ctx context.Context, m Message, input any) ([]byte, *job.Outcome) {
	limited, cancel := context.WithTimeout(ctx, t.limit)
	defer cancel()
	outputs := t.code.RunWithContext(limited, input, m.Subject, m.firstValues(), sequence(m.Sequence), m.Time.UTC().Format(time.RFC3339Nano))
	v, stop := next(ctx, outputs)
	if stop != nil {
		return nil, stop
	}
	if v.none {
		return nil, &job.Outcome{Verdict: job.Dropped}
	}
	second, stop := next(ctx, outputs)
	if stop != nil {
		return nil, stop
	}
	if !second.none {
		return nil, reject(job.TransformFailed, "the transform gave more than one output")
	}
	return encode(v.value)
}

// output is one output of a program, or that there is none left.
type output struct {
	value any
	none  bool
}

func next(ctx context.Context, outputs gojq.Iter) (output, *job.Outcome) {
	v, ok := outputs.Next()
	if !ok {
		return output{none: true}, nil
	}
	err, ok := v.(error) // jq hands its error over as a value
	if !ok {
		return output{value: v}, nil
	}
	if ctx.Err() != nil {
		return output{}, &job.Outcome{
			Verdict: job.Unavailable, Reason: job.Stopping, Detail: "the transform was cut short: " + context.Cause(ctx).Error(),
		}
	}
	if halt, ok := errors.AsType[*gojq.HaltError](err); ok && halt.Value() == nil {
		return output{none: true}, nil
	}
	return output{}, reject(job.TransformFailed, "the transform failed: %s", shown(jqMessage(err), maxMessage))
}

// encode writes an output as JSON within the limit.
func encode(v any) ([]byte, *job.Outcome) {
	if _, ok := v.(map[string]any); !ok {
		return nil, reject(job.TransformFailed, "the transform gave a value of type %s; expected an object", gojq.TypeOf(v))
	}
	tooLarge := reject(job.TransformFailed, "the transform gave more than %d bytes", transformOutput)
	if spend(v, transformOutput) < 0 {
		return nil, tooLarge
	}
	data, err := gojq.Marshal(v)
	if err != nil {
		return nil, reject(job.TransformFailed, "the transform's output cannot be written as JSON")
	}
	if len(data) > transformOutput {
		return nil, tooLarge
	}
	return data, nil
}

// spend takes from the budget no more bytes than v needs as JSON, and stops
// once it is used up: what jq holds in shared pieces can be huge when written.
func spend(v any, budget int) int {
	budget--
	switch v := v.(type) {
	case string:
		budget -= len(v)
	case *big.Int:
		budget -= v.BitLen() / 4
	case []any:
		for i := 0; i < len(v) && budget >= 0; i++ {
			budget = spend(v[i], budget)
		}
	case map[string]any:
		for key, e := range v {
			if budget -= len(key); budget < 0 {
				break
			}
			budget = spend(e, budget)
		}
	}
	return budget
}

// firstValues is the header with the first value of each name.
func (m Message) firstValues() map[string]any {
	first := make(map[string]any, len(m.Header))
	for name, values := range m.Header {
		if len(values) > 0 {
			first[name] = values[0]
		}
	}
	return first
}

func sequence(n uint64) any {
	if n <= math.MaxInt {
		return int(n)
	}
	return new(big.Int).SetUint64(n)
}
