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

// parseRedis parses REDIS_URL. Its errors do not repeat the URL, which may hold a password.
func parseRedis(v string) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(v, "://")
	switch {
	case ok && scheme == "unix":
		return parseSocket(v)
	case !ok || scheme != "redis" && scheme != "rediss":
		return nil, errors.New("must begin with redis://, rediss:// or unix://")
	}
	// Take the hosts out first: net/url does not parse a list of them.
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
	if o.Addrs, err = parseHosts(hosts); err != nil {
		return nil, err
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return nil, errors.New("the path must be the number of a database, like /0")
		}
	}
	if err := parseTopology(o, u.Query()); err != nil {
		return nil, err
	}
	if scheme == "rediss" {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o, nil
}

// parseSocket parses the URL of a Unix socket.
func parseSocket(v string) (*redis.UniversalOptions, error) {
	o, err := redis.ParseURL(v)
	if err != nil {
		return nil, errors.New("must be like unix:///path/to/socket?db=0")
	}
	return &redis.UniversalOptions{Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password}, nil
}

// parseHosts parses hosts that are separated by commas, with or without a port.
func parseHosts(hosts string) (addrs []string, err error) {
	for h := range strings.SplitSeq(hosts, ",") {
		h = strings.TrimSpace(h)
		if _, _, err := net.SplitHostPort(h); err != nil {
			h = net.JoinHostPort(strings.Trim(h, "[]"), "6379")
		}
		host, port, err := net.SplitHostPort(h)
		if _, notPort := strconv.ParseUint(port, 10, 16); err != nil || notPort != nil || host == "" {
			return nil, errors.New("every host must be like host:6379")
		}
		addrs = append(addrs, h)
	}
	return addrs, nil
}

// parseTopology reads from the query whether the hosts are Sentinels or a Cluster.
func parseTopology(o *redis.UniversalOptions, query url.Values) (err error) {
	for k, values := range query {
		v := values[0]
		switch k {
		case "master_name":
			if o.MasterName = v; v == "" {
				return errors.New("master_name must not be empty")
			}
		case "cluster":
			if o.IsClusterMode, err = strconv.ParseBool(v); err != nil {
				return errors.New("cluster must be true or false")
			}
		default:
			return errors.New("only master_name=NAME and cluster=true may be in the query")
		}
	}
	if o.DB != 0 && o.MasterName == "" && (len(o.Addrs) > 1 || o.IsClusterMode) {
		return errors.New("a Cluster has only database 0")
	}
	return nil
}
