package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Ids look like giosg's and are as scattered, but their last twelve digits are the subject (two) and a number (ten). So an id alone
// names what it belongs to.

func uuid(subject, n int) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%02x%010x", scatter(n), subject, n&0xfff, n>>12&0xfff, subject, n)
}

// scatter returns Knuth's multiplicative hash of n.
func scatter(n int) uint32 {
	h := uint64(n)*0x9E3779B97F4A7C15 + 0x7F4A7C15
	h ^= h >> 29
	return uint32(h * 0xBF58476D1CE4E5B9 >> 32)
}

// numbers is the inverse of uuid.
func numbers(id string) (subject, n int, err error) {
	tail := id[strings.LastIndexByte(id, '-')+1:]
	if len(tail) != 12 {
		return 0, 0, errors.New("not an id that the bench made")
	}
	s, err := strconv.ParseUint(tail[:2], 16, 8)
	if err != nil {
		return 0, 0, err
	}
	v, err := strconv.ParseUint(tail[2:], 16, 40)
	return int(s), int(v), err
}
