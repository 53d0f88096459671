package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrNotFound means that there is no dead letter with the id.
var ErrNotFound = errors.New("there is no dead letter with this id; see: bot deadletters list")

// Client lists and changes the dead letters of a running bot, through its Handler. A program cannot open the store itself while the bot
// runs: a data file has one owner.
type Client struct {
	Base string       // for example "http://127.0.0.1:9090"; see BaseURL
	HTTP *http.Client // nil means a client with a time-out of 10 s
}

// BaseURL returns the Base for a bot on this machine whose ADMIN_ADDR is addr.
func BaseURL(addr string) (string, error) {
	if addr == "" {
		return "", errors.New("ADMIN_ADDR is empty, so the bot serves no operators; start it with ADMIN_ADDR=127.0.0.1:9090")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("ADMIN_ADDR is %q: must be host:port or :port", addr)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// List returns the oldest dead letters, at most limit of them, and how many there are in all. A limit of 0 means 200.
func (c Client) List(ctx context.Context, limit int) ([]DeadLetter, int, error) {
	var list deadList
	query := ""
	if limit > 0 {
		query = "?limit=" + fmt.Sprint(min(limit, maxListed))
	}
	err := c.call(ctx, http.MethodGet, "/api/deadletters"+query, &list)
	return list.DeadLetters, list.Total, err
}

// Show returns one dead letter, or ErrNotFound.
func (c Client) Show(ctx context.Context, id string) (DeadLetter, error) {
	var l DeadLetter
	err := c.call(ctx, http.MethodGet, "/api/deadletters/"+url.PathEscape(id), &l)
	return l, err
}

// Retry puts a dead letter back into its lane. It returns ErrNotFound if there is none with this id.
func (c Client) Retry(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/api/deadletters/"+url.PathEscape(id)+"/retry", nil)
}

// Drop deletes a dead letter. It returns ErrNotFound if there is none with this id.
func (c Client) Drop(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/deadletters/"+url.PathEscape(id), nil)
}

func (c Client) call(ctx context.Context, method, path string, out any) error {
	base := strings.TrimRight(c.Base, "/")
	req, err := http.NewRequestWithContext(ctx, method, base+path, nil)
	if err != nil {
		return fmt.Errorf("%q is not the address of a bot: %w", c.Base, err)
	}
	client := c.HTTP
	if client == nil {
		client = &http.Client{Timeout: 10 * time.Second}
	}
	res, err := client.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return c.unreachable(err)
	}
	switch {
	case res.StatusCode == http.StatusOK && out == nil:
		return nil
	case res.StatusCode == http.StatusOK:
		if err := json.Unmarshal(body, out); err != nil {
			return fmt.Errorf("the server at %s is not a bot's admin address: its answer is not the expected JSON", base)
		}
		return nil
	}
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(body, &said)
	if res.StatusCode == http.StatusNotFound && said.Error != "" {
		return ErrNotFound
	}
	if said.Error == "" {
		return fmt.Errorf("the server at %s is not a bot's admin address: %s", base, res.Status)
	}
	return fmt.Errorf("the bot at %s refused the request: %s", base, said.Error)
}

// unreachable returns an error that explains how to reach a bot.
func (c Client) unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return fmt.Errorf(`no bot answers at %s: %w
The bot must be running with ADMIN_ADDR set, and this command needs the same ADMIN_ADDR.
  on the bot's machine:  ADMIN_ADDR=127.0.0.1:9090 bot deadletters list
  in a container:        docker compose exec bot /bot deadletters list
  in Kubernetes:         kubectl exec deploy/giosg-bot -- /bot deadletters list
  from elsewhere:        ssh -L 9090:127.0.0.1:9090 HOST, then the first command in another window`, cmp.Or(strings.TrimRight(c.Base, "/"), "(no address)"), err)
}
