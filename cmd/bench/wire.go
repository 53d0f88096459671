package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// The bench has its own HTTP/1.1 client and server. It shares the cores with the subjects, and net/http would use as much CPU time as a
// whole floor program.

// request is a request that was read. Its parts are valid until the next one is read.
type request struct {
	method, path []byte
	body         []byte
}

// peer is one end of a connection.
type peer struct {
	conn net.Conn
	in   *bufio.Reader
	head []byte
	body []byte
	out  []byte
}

func newPeer(c net.Conn) *peer { return &peer{conn: c, in: bufio.NewReaderSize(c, 4096)} }

// readRequest reads the next request to its end.
func (p *peer) readRequest() (r request, err error) {
	line, err := p.in.ReadSlice('\n')
	if err != nil {
		return r, err
	}
	p.head = append(p.head[:0], line...)
	method, rest, _ := bytes.Cut(p.head, []byte(" "))
	path, _, ok := bytes.Cut(rest, []byte(" "))
	if !ok {
		return r, fmt.Errorf("malformed request: %q", line)
	}
	length, err := p.readHeaders()
	if err != nil {
		return r, err
	}
	body, err := p.readBody(length)
	return request{method, path, body}, err
}

// readResponse reads the next response to its end.
func (p *peer) readResponse() (status int, err error) {
	line, err := p.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("malformed response: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length, err := p.readHeaders()
	if err != nil {
		return 0, err
	}
	_, err = p.readBody(length)
	return status, err
}

var contentLength = []byte("content-length:")

// readHeaders returns the length of the body that follows.
func (p *peer) readHeaders() (length int, err error) {
	for {
		line, err := p.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
			return length, nil
		case len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return 0, err
			}
		case (line[0] == 'T' || line[0] == 't') && bytes.HasPrefix(bytes.ToLower(line), []byte("transfer-encoding")):
			return 0, errors.New("a body without a length")
		}
	}
}

func (p *peer) readBody(length int) ([]byte, error) {
	if cap(p.body) < length {
		p.body = make([]byte, length)
	}
	p.body = p.body[:length]
	_, err := io.ReadFull(p.in, p.body)
	return p.body, err
}

// respond writes a response.
func (p *peer) respond(status string, body []byte) error {
	p.out = append(p.out[:0], "HTTP/1.1 "...)
	p.out = append(p.out, status...)
	p.out = append(p.out, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	p.out = strconv.AppendInt(p.out, int64(len(body)), 10)
	p.out = append(p.out, "\r\n\r\n"...)
	p.out = append(p.out, body...)
	_, err := p.conn.Write(p.out)
	return err
}

// post sends a request and waits for its response.
func (p *peer) post(path string, body []byte) (status int, err error) {
	p.out = append(p.out[:0], "POST "...)
	p.out = append(p.out, path...)
	p.out = append(p.out, " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: "...)
	p.out = strconv.AppendInt(p.out, int64(len(body)), 10)
	p.out = append(p.out, "\r\n\r\n"...)
	p.out = append(p.out, body...)
	if _, err := p.conn.Write(p.out); err != nil {
		return 0, err
	}
	return p.readResponse()
}
