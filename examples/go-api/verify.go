// Verifies Countersign's tokens offline: the signature and the claims with golang-jwt, then the session's bit in the
// issuer's status list (draft-ietf-oauth-status-list), which is fetched again when its max-age has passed.

package main

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

type verifier struct {
	issuer, audience string
	parser           *jwt.Parser
	client           http.Client
	published        sync.Map // of *document, by URL
}

type user struct {
	jwt.RegisteredClaims
	Client  string `json:"client_id"`
	Session string `json:"sid"`
	// Only in the tokens of an issuer whose setting tokens.claims includes them.
	Email         *string `json:"email"`
	EmailVerified *bool   `json:"email_verified"`
	Name          *string `json:"name"`
	Scope         string
	Status        struct {
		List struct {
			Idx *int
			URI string
		} `json:"status_list"`
	}
}

var errUnavailable = errors.New("the issuer cannot be asked just now")

func newVerifier(issuer, audience string) *verifier {
	client := http.Client{
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &verifier{issuer: issuer, audience: audience, client: client, parser: jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}))}
}

// protect calls next for a request whose token is valid and has the scope. Otherwise it answers as RFC 6750 requires.
func (v *verifier) protect(w http.ResponseWriter, r *http.Request, scope string, next func(*user)) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	refuse := func(status int, challenge string) {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q%s", v.issuer, challenge))
		w.WriteHeader(status)
	}
	if !strings.EqualFold(scheme, "Bearer") {
		refuse(http.StatusUnauthorized, "")
		return
	}
	u, err := v.verify(token)
	switch {
	case errors.Is(err, errUnavailable):
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	case err != nil || len(r.Header.Values("Authorization")) > 1:
		refuse(http.StatusUnauthorized, `, error="invalid_token"`)
	case scope != "" && !strings.Contains(" "+u.Scope+" ", " "+scope+" "):
		refuse(http.StatusForbidden, fmt.Sprintf(", error=\"insufficient_scope\", scope=%q", scope))
	default:
		next(u)
	}
}

func (v *verifier) verify(text string) (*user, error) {
	u := &user{}
	token, err := v.parser.ParseWithClaims(text, u, v.key)
	if err != nil {
		return nil, err
	}
	typ, _ := token.Header["typ"].(string)
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if typ != "at+jwt" || !u.VerifyIssuer(v.issuer, true) || !u.VerifyAudience(v.audience, true) || u.ExpiresAt == nil || u.Subject == "" {
		return nil, errors.New("not an access token for here")
	}
	// RFC 9068 §2.2, §5: a client that acts for itself is not a user, whatever its id looks like.
	if u.Subject == u.Client {
		return nil, errors.New("the token of a client")
	}
	uri, idx := u.Status.List.URI, u.Status.List.Idx
	if !strings.HasPrefix(uri, v.issuer+"/") || idx == nil || *idx < 0 {
		return nil, errors.New("no status of the issuer")
	}
	list, _ := v.get(uri, time.Hour, v.readList(uri)).(*statusList)
	if list == nil || time.Now().After(list.ExpiresAt.Time) {
		return nil, errUnavailable
	}
	if *idx/8 >= len(list.bits) || list.bits[*idx/8]>>(*idx%8)&1 == 1 {
		return nil, errors.New("the session has ended")
	}
	return u, nil
}

// key returns the key that a token names. Unknown names cause at most one fetch in half a minute.
func (v *verifier) key(token *jwt.Token) (any, error) {
	for _, oldest := range []time.Duration{24 * time.Hour, 30 * time.Second} {
		keys, _ := v.get(v.issuer+"/.well-known/jwks.json", oldest, readKeys).(map[any]*ecdsa.PublicKey)
		if keys == nil {
			return nil, errUnavailable
		}
		if kid, isText := token.Header["kid"].(string); isText && keys[kid] != nil {
			return keys[kid], nil
		}
	}
	return nil, errors.New("unknown key")
}

func readKeys(body []byte, _ any) (any, error) {
	var set struct {
		Keys []struct{ Kid, Kty, Crv, X, Y string }
	}
	keys := map[any]*ecdsa.PublicKey{}
	err := json.Unmarshal(body, &set)
	for _, key := range set.Keys {
		x, errX := base64.RawURLEncoding.DecodeString(key.X)
		y, errY := base64.RawURLEncoding.DecodeString(key.Y)
		public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
		if key.Kty == "EC" && key.Crv == "P-256" && errX == nil && errY == nil && public.IsOnCurve(public.X, public.Y) {
			keys[key.Kid] = public
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no usable key: %w", err)
	}
	return keys, nil
}

type statusList struct {
	jwt.RegisteredClaims
	Version int
	List    struct {
		Bits int
		Lst  string
	} `json:"status_list"`
	bits []byte
}

func (v *verifier) readList(uri string) func([]byte, any) (any, error) {
	return func(body []byte, held any) (any, error) {
		list := &statusList{}
		token, err := v.parser.ParseWithClaims(string(body), list, v.key)
		if err != nil {
			return nil, err
		}
		// An older version would accept revoked tokens again.
		older, _ := held.(*statusList)
		if token.Header["typ"] != "statuslist+jwt" || list.Issuer != v.issuer || list.Subject != uri || list.ExpiresAt == nil ||
			list.List.Bits != 1 || older != nil && list.Version < older.Version {
			return nil, errors.New("not the status list of this address")
		}
		packed, err := base64.RawURLEncoding.DecodeString(list.List.Lst)
		if err != nil {
			return nil, err
		}
		reader, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		list.bits, err = io.ReadAll(io.LimitReader(reader, 16<<20))
		return list, err
	}
}

// document is what the issuer publishes at one URL.
type document struct {
	sync.Mutex
	etag      string
	asked     time.Time
	goodFor   time.Duration
	published any
}

// get returns what is published at a URL. It fetches it again when its max-age or `oldest` has passed, and keeps it while
// the issuer is down or sends an invalid response.
func (v *verifier) get(address string, oldest time.Duration, read func(body []byte, held any) (any, error)) any {
	entry, _ := v.published.LoadOrStore(address, &document{goodFor: time.Second})
	held := entry.(*document)
	held.Lock()
	defer held.Unlock()
	if age := time.Since(held.asked); age < held.goodFor && age < oldest {
		return held.published
	}
	held.asked = time.Now()
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return held.published
	}
	request.Header.Set("If-None-Match", held.etag)
	response, err := v.client.Do(request)
	if err != nil {
		return held.published
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil || response.StatusCode != http.StatusOK {
		return held.published
	}
	if fresh, err := read(body, held.published); err == nil {
		seconds := 30
		_, _ = fmt.Sscanf(response.Header.Get("Cache-Control"), "public, max-age=%d", &seconds)
		held.published, held.etag, held.goodFor = fresh, response.Header.Get("ETag"), time.Duration(seconds)*time.Second
	}
	return held.published
}
