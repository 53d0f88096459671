package main

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// floor is the minimum that any bot does for a webhook: it checks the secret, reads the JSON, and makes the calls of the answer. It stores
// nothing, drops what fails, and answers duplicates. It takes its address and the platform's from the bot's environment variables.
func floor() error {
	f := &floorBot{base: os.Getenv("GIOSG_BASE_URL"), client: &http.Client{Transport: &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 256}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ready") })
	mux.HandleFunc("POST /webhooks/", f.webhook)
	server := &http.Server{Addr: os.Getenv("LISTEN_ADDR"), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

type floorBot struct {
	base   string
	client *http.Client
}

func (f *floorBot) webhook(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("secret")), []byte(secret)) != 1 {
		http.Error(w, "wrong secret", http.StatusUnauthorized)
		return
	}
	var hook struct {
		Channel string `json:"channel"`
		Auth    struct {
			Token string `json:"access_token"`
			Type  string `json:"token_type"`
			User  string `json:"user_id"`
		} `json:"app_user_auth"`
		Resource struct {
			ID         string `json:"id"`
			ChatID     string `json:"chat_id"`
			Type       string `json:"type"`
			SenderType string `json:"sender_type"`
			Message    string `json:"message"`
		} `json:"resource"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &hook)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	user, auth := f.base+"/api/v5/users/"+hook.Auth.User, hook.Auth.Type+" "+hook.Auth.Token
	switch {
	case strings.HasSuffix(hook.Channel, "/pending_chats"):
		if err = f.post(user+"/pending_chats/"+hook.Resource.ID+"/memberships", auth, map[string]any{"is_participating": true}); err == nil {
			err = f.post(user+"/chats/"+hook.Resource.ID+"/messages", auth, map[string]any{"message": "Hi! How can I help?"})
		}
	case hook.Resource.SenderType == "visitor" && hook.Resource.Type == "msg":
		answer := "Sorry, I did not get that."
		if strings.Contains(hook.Resource.Message, "open") {
			answer = "We are here Mon–Fri 9–17."
		}
		err = f.post(user+"/chats/"+hook.Resource.ChatID+"/messages", auth, map[string]any{"message": answer})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (f *floorBot) post(url, auth string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", auth)
	req.Header.Set("Content-Type", "application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
