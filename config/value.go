package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// value parses a variable into a field of a Config, and shows the field without secrets. The text that Set gets is never empty.
type value interface {
	Set(string) error
	String() string
}

// text is any text.
type text struct{ to *string }

func (v text) String() string { return *v.to }

func (v text) Set(s string) error {
	*v.to = s
	return nil
}

// address is host:port or :port.
type address struct{ to *string }

func (v address) String() string { return *v.to }

func (v address) Set(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return errors.New("must be host:port or :port")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("must end with a port number, 0 to 65535")
	}
	*v.to = s
	return nil
}

// port is the port of an address without a host.
type port struct{ to *string }

func (v port) String() string { return *v.to }

func (v port) Set(s string) error {
	if _, err := strconv.ParseUint(s, 10, 16); err != nil {
		return errors.New("must be a port number, 0 to 65535")
	}
	*v.to = ":" + s
	return nil
}

// link is the URL of a server, without a slash at its end.
type link struct{ to *string }

func (v link) String() string { return *v.to }

func (v link) Set(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must be an address like https://example.com, without a user, query or fragment")
	}
	*v.to = strings.TrimRight(s, "/")
	return nil
}

// span is a duration within bounds.
type span struct {
	to          *time.Duration
	least, most time.Duration
}

func (v span) String() string { return v.to.String() }

func (v span) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return errors.New("must be a time such as 30s, 5m or 48h")
		}
		d = time.Duration(n) * time.Second // giosg's API counts in seconds
	}
	if d < v.least || d > v.most {
		return fmt.Errorf("must be from %s to %s", v.least, v.most)
	}
	*v.to = d
	return nil
}

// count is a number within bounds.
type count[T int | int64] struct {
	to          *T
	least, most T
}

func (v count[T]) String() string { return strconv.FormatInt(int64(*v.to), 10) }

func (v count[T]) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < int64(v.least) || n > int64(v.most) {
		return fmt.Errorf("must be a number from %d to %d", v.least, v.most)
	}
	*v.to = T(n)
	return nil
}

// secrets is a list of secrets, separated by commas.
type secrets struct{ to *[]string }

func (v secrets) String() string { return present(len(*v.to) > 0) }

func (v secrets) Set(s string) error {
	for one := range strings.SplitSeq(s, ",") {
		if one = strings.TrimSpace(one); one != "" {
			*v.to = append(*v.to, one)
		}
	}
	return nil
}

// redisURL is the address of a Redis, which may hold a password.
type redisURL struct{ to **redis.UniversalOptions }

func (v redisURL) String() string { return present(*v.to != nil) }

func (v redisURL) Set(s string) (err error) {
	*v.to, err = parseRedis(s)
	return err
}

// present shows that a secret is set.
func present(set bool) string {
	if set {
		return "(set)"
	}
	return ""
}

// prefix is the prefix of Redis keys. In a Cluster, braces in a key choose its node.
type prefix struct{ to *string }

func (v prefix) String() string { return *v.to }

func (v prefix) Set(s string) error {
	if strings.ContainsAny(s, "{} \t\r\n") {
		return errors.New("must not contain braces or white space")
	}
	*v.to = s
	return nil
}

// level is a log level.
type level struct{ to *slog.Level }

func (v level) String() string { return strings.ToLower(v.to.String()) }

func (v level) Set(s string) error {
	if err := v.to.UnmarshalText([]byte(s)); err != nil {
		return errors.New("must be debug, info, warn or error")
	}
	return nil
}

// logFormat is json or text.
type logFormat struct{ to *string }

func (v logFormat) String() string { return *v.to }

func (v logFormat) Set(s string) error {
	if s != "json" && s != "text" {
		return errors.New("must be json or text")
	}
	*v.to = s
	return nil
}
