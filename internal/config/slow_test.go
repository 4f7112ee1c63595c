package config_test
import ("testing";"os";"time";"strconv";"strings";"path/filepath";"github.com/queueferry/queueferry/internal/config")
func TestSlow(t *testing.T){
 fs,_:=filepath.Glob(os.Getenv("C")+"/*")
 for _,f:=range fs{ b,_:=os.ReadFile(f); l:=strings.Split(string(b),"\n")[1]; l=strings.TrimSuffix(strings.TrimPrefix(l,"[]byte("),")"); s,err:=strconv.Unquote(l); if err!=nil{t.Fatal(err)}
  t0:=time.Now(); config.Parse("q",[]byte(s),nil); if d:=time.Since(t0); d>20*time.Millisecond { t.Logf("%v len %d %.200q",d,len(s),s)} }
 for _,n:=range []int{1000,10000,100000}{ for _,p:=range []string{"[","{","a: ","- ","? ","&a ","!a ","a:\n","a: &a\n ","'","{a: [","# x\n","a: 1\n", "  - x\n"} { s:=strings.Repeat(p,n/len(p)); t0:=time.Now(); config.Parse("q",[]byte(s),nil); if d:=time.Since(t0); d>300*time.Millisecond { t.Logf("%q x %d: %v",p,n,d)}}}
}
