package integration

import (
	"flag"
	"io"
	stdlog "log"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// atOnce is how many tests run at once: they wait far more than they work.
const atOnce = "8"

func TestMain(m *testing.M) {
	if file := os.Getenv(asWorker); file != "" {
		os.Exit(beWorker(file))
	}
	stdlog.SetOutput(io.Discard) // where net/http writes what a hostile server sends unasked
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	code := m.Run()
	// A toxic that is removed while it sends waits for ever: a fault of the proxy.
	toxic := goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run")
	if err := goleak.Find(toxic); code == 0 && err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}
