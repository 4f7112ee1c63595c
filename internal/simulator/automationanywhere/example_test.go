package automationanywhere_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
)

// A deployment that the caller hears nothing of is in the books all the same.
func Example() {
	room, err := automationanywhere.Start(automationanywhere.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer room.Close()
	bot := room.AddFile(automationanywhere.File{Path: `Automation Anywhere\Bots\Post`})
	user := room.AddRunAsUser(automationanywhere.RunAsUser{Username: "robot1"})
	room.AddFault(server.CommitThenDrop(automationanywhere.Deploy))

	send := func(path, token, body string) (string, error) {
		request, _ := http.NewRequest(http.MethodPost, room.URL()+path, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Authorization", token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return string(text), err
	}
	answer, _ := send("/v2/authentication", "", `{"username":"queueferry","apiKey":"key"}`)
	_, rest, _ := strings.Cut(answer, `"token":"`)
	token, _, _ := strings.Cut(rest, `"`)

	var body bytes.Buffer
	fmt.Fprintf(&body, `{"fileId":%d,"runAsUserIds":[%d],"automationName":"job-1"}`, bot.ID, user.ID)
	_, err = send("/v3/automations/deploy", token, body.String())
	fmt.Println("an answer:", err == nil)
	fmt.Printf("%+v\n", room.Reckon([]string{"job-1", "job-2"}, automationanywhere.Deploy))
	// Output:
	// an answer: false
	// {Lost:[job-2] Repeated:map[] Strange:[]}
}
