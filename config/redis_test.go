package config_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestRedisURL(t *testing.T) {
	t.Parallel()
	special := `p@s:s/w?o#r%d ,ä"` + password
	for _, tt := range []struct {
		url            string
		addrs          string
		user, password string
		db             int
		tls, cluster   bool
		master         string
	}{
		{url: "redis://h", addrs: "h:6379"},
		{url: "redis://h:1", addrs: "h:1"},
		{url: "redis://h:1/", addrs: "h:1"},
		{url: "redis://h:1/7", addrs: "h:1", db: 7},
		{url: "redis://:" + password + "@h:1/0", addrs: "h:1", password: password},
		{url: "redis://u:" + password + "@h:1", addrs: "h:1", user: "u", password: password},
		{url: "redis://u@h", addrs: "h:6379", user: "u"},
		{url: "redis://u:" + url.QueryEscape("a@b:c/d?e#f%g,h") + "@h:1", addrs: "h:1", user: "u", password: "a@b:c/d?e#f%g,h"},
		{url: "redis://" + url.UserPassword("u", special).String() + "@h:1", addrs: "h:1", user: "u", password: special},
		{url: "redis://127.0.0.1:1", addrs: "127.0.0.1:1"},
		{url: "redis://[::1]:1", addrs: "[::1]:1"},
		{url: "redis://[::1]", addrs: "[::1]:6379"},
		{url: "rediss://h:1", addrs: "h:1", tls: true},
		{url: "rediss://u:p@a:1,b:2", addrs: "a:1 b:2", user: "u", password: "p", tls: true},
		{url: "redis://a:1,b:2,c", addrs: "a:1 b:2 c:6379"},
		{url: "redis://a:1, b:2", addrs: "a:1 b:2"},
		{url: "redis://h:1?cluster=true", addrs: "h:1", cluster: true},
		{url: "redis://h:1/?cluster=false", addrs: "h:1"},
		{url: "redis://a:1,b:2?master_name=m", addrs: "a:1 b:2", master: "m"},
		{url: "redis://:p@a:1,b:2/3?master_name=m", addrs: "a:1 b:2", password: "p", db: 3, master: "m"},
		{url: "unix:///run/redis.sock", addrs: "/run/redis.sock"},
		{url: "unix://u:" + password + "@/run/redis.sock?db=2", addrs: "/run/redis.sock", user: "u", password: password, db: 2},
	} {
		c, err := load(map[string]string{"REDIS_URL": tt.url})
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		o := c.Redis
		if strings.Join(o.Addrs, " ") != tt.addrs || o.Username != tt.user || o.Password != tt.password || o.DB != tt.db ||
			(o.TLSConfig != nil) != tt.tls || o.IsClusterMode != tt.cluster || o.MasterName != tt.master {
			t.Errorf("%s: %q user %q password %q db %d tls %t cluster %t master %q",
				tt.url, o.Addrs, o.Username, o.Password, o.DB, o.TLSConfig != nil, o.IsClusterMode, o.MasterName)
		}
		if o.TLSConfig != nil && o.TLSConfig.InsecureSkipVerify {
			t.Errorf("%s: the certificate is not checked", tt.url)
		}
	}
}

// A password that is not escaped is an error, which repeats no part of it.
func TestBadRedisURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, want string }{
		{"h:6379", "must begin with redis://"},
		{"http://:" + password + "@h", "must begin with redis://"},
		{"REDIS:/h", "must begin with redis://"},
		{"//" + password, "must begin with redis://"},
		{"redis://", "every host must be like host:6379"},
		{"redis://:1", "every host must be like host:6379"},
		{"redis://a:1,,b:2", "every host must be like host:6379"},
		{"redis://a:1,", "every host must be like host:6379"},
		{"redis://h:port", "every host must be like host:6379"},
		{"redis://h:70000", "every host must be like host:6379"},
		{"redis://u:" + password + "@", "every host must be like host:6379"},
		{"redis://h/db", "the number of a database"},
		{"redis://h/-1", "the number of a database"},
		{"redis://h/1/2", "the number of a database"},
		{"redis://h?master=m", "only master_name=NAME and cluster=true"},
		{"redis://h?password=" + password, "only master_name=NAME and cluster=true"},
		{"redis://h?cluster=perhaps", "cluster must be true or false"},
		{"redis://h?master_name=", "master_name must not be empty"},
		{"redis://a,b/1", "a Cluster has only database 0"},
		{"redis://a/1?cluster=1", "a Cluster has only database 0"},
		{"unix://", "must be like unix:///path/to/socket"},
		{"unix://u:" + password + "@?x", "must be like unix:///path/to/socket"},
		{"redis://u:%zz" + password + "@h", "written as %XX"},
		{"redis://u:" + password + "%@h:1", "written as %XX"},
		{"redis://u:" + password + " x@h:1", "written as %XX"},
		{"redis://u:" + password + "#x@h:1", "written as %XX"},
		{"redis://u:12#" + password + "@h:1", "written as %XX"},
		{"redis://u:" + password + "/x@h:1", ""},
		{"redis://u:12/" + password + "@h:1", ""},
		{"redis://u:12?" + password + "@h:1", ""},
		{"redis://u:12/0?" + password + "@h:1", ""},
		{"redis://:12/" + password + "@h:1/0", ""},
		{"redis://h:1/0#" + password, "written as %XX"},
		{"redis://u:a@" + password + ":1@h:x", "every host"},
	} {
		c, err := load(map[string]string{"REDIS_URL": tt.url})
		if err == nil {
			t.Errorf("%s was accepted: hosts %q, password %q", tt.url, c.Redis.Addrs, c.Redis.Password)
			continue
		}
		if !strings.HasPrefix(err.Error(), "REDIS_URL: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.url, err, tt.want)
		}
		noSecret(t, tt.url, err.Error())
		if c.Redis != nil {
			t.Errorf("%s: options together with an error", tt.url)
		}
	}
}

// No error about REDIS_URL repeats the password.
func FuzzRedisURL(f *testing.F) {
	for _, s := range []string{"redis://u:%s@h:1/0", "redis://%s", "redis://h?%s", "unix://%s@/x", "redis://u:1/%s@h", "%s", "redis://h:%s", "redis://h/%s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const mark = "Zq9xK7pW"
		_, err := load(map[string]string{"REDIS_URL": strings.Replace(s, "%s", mark, 1)})
		if err != nil && strings.Contains(err.Error(), mark) {
			t.Errorf("repeats what was set: %v", err)
		}
	})
}
