package config

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// parseRedis reads REDIS_URL. Its errors do not repeat the URL, which may hold a password.
func parseRedis(v string) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(v, "://")
	if !ok || scheme != "redis" && scheme != "rediss" && scheme != "unix" {
		return nil, errors.New("must begin with redis://, rediss:// or unix://")
	}
	if scheme == "unix" {
		o, err := redis.ParseURL(v)
		if err != nil {
			return nil, errors.New("must be like unix:///path/to/socket?db=0")
		}
		return &redis.UniversalOptions{Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password}, nil
	}
	// The hosts are cut out first: a list of them is no URL.
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	user, hosts := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, hosts = authority[:i+1], authority[i+1:]
	}
	u, err := url.Parse(scheme + "://" + user + "host" + tail)
	if err != nil || u.Host != "host" || u.Fragment != "" {
		return nil, errors.New("must be like redis://user:password@host:6379/0; special characters in the password are written as %XX")
	}
	o := &redis.UniversalOptions{}
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	for h := range strings.SplitSeq(hosts, ",") {
		h = strings.TrimSpace(h)
		if _, _, err := net.SplitHostPort(h); err != nil {
			h = net.JoinHostPort(strings.Trim(h, "[]"), "6379")
		}
		host, port, err := net.SplitHostPort(h)
		if _, notPort := strconv.ParseUint(port, 10, 16); err != nil || notPort != nil || host == "" {
			return nil, errors.New("every host must be like host:6379")
		}
		o.Addrs = append(o.Addrs, h)
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return nil, errors.New("the part behind the host must be the number of a database, such as /0")
		}
	}
	for k, values := range u.Query() {
		v := values[0]
		switch k {
		case "master_name":
			if o.MasterName = v; v == "" {
				return nil, errors.New("master_name must not be empty")
			}
		case "cluster":
			if o.IsClusterMode, err = strconv.ParseBool(v); err != nil {
				return nil, errors.New("cluster must be true or false")
			}
		default:
			return nil, errors.New("only master_name=NAME and cluster=true may stand behind the question mark")
		}
	}
	if scheme == "rediss" {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.DB != 0 && o.MasterName == "" && (len(o.Addrs) > 1 || o.IsClusterMode) {
		return nil, errors.New("a Cluster has only the database 0")
	}
	return o, nil
}
