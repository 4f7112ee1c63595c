package check

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// atOnce is how many tests run at once: they wait far more than they work.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
