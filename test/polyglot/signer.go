package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gowebpki/jcs"
)

const self = "stock-watch"

var encoded = base64.RawURLEncoding.EncodeToString

// signer signs the events of this participant and the tokens that identify it to the services, and verifies
// the events of services. The private key stays in the process; the services read the public key from the folder.
type signer struct {
	folder string
	key    *ecdsa.PrivateKey
	kid    string
}

type publicKey struct {
	Kid, X, Y string
}

func newSigner(folder string) signer {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	point := must(key.PublicKey.ECDH()).Bytes() // 4, x, y
	kid := deterministicID(point)
	keys := object{"keys": []object{
		{"kty": "EC", "crv": "P-256", "x": encoded(point[1:33]), "y": encoded(point[33:]), "kid": kid}}}
	file := filepath.Join(folder, "public", self+".json")
	must(0, os.MkdirAll(filepath.Dir(file), 0o700))
	must(0, os.WriteFile(file+".new", must(json.Marshal(keys)), 0o600))
	must(0, os.Rename(file+".new", file)) // a reader never sees half a file
	return signer{folder, key, kid}
}

// token is valid for calls to one app, for a minute.
func (s signer) token(app string) string {
	now := time.Now().Unix()
	header := object{"alg": "ES256", "kid": s.kid}
	claims := object{"iss": self, "sub": self, "aud": app, "iat": now, "exp": now + 60}
	signed := encoded(must(json.Marshal(header))) + "." + encoded(must(json.Marshal(claims)))
	return signed + "." + s.signature(signed)
}

// sign returns the signature of an event: a JWS without its payload, which the event itself is.
func (s signer) sign(event object) string {
	header := encoded(must(json.Marshal(object{"alg": "ES256", "kid": s.kid, "typ": "event"})))
	return header + ".." + s.signature(header+"."+encoded(signedContent(event)))
}

// verify reports whether the service that the event names as its source has signed it.
func (s signer) verify(event object) bool {
	text, _ := event["signature"].(string)
	header, signature, _ := strings.Cut(text, "..")
	var parsed struct{ Alg, Kid, Typ string }
	bytes, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil || json.Unmarshal(bytes, &parsed) != nil || parsed.Alg != "ES256" || parsed.Typ != "event" {
		return false
	}
	value, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(value) != 64 {
		return false
	}
	hash := sha256.Sum256([]byte(header + "." + encoded(signedContent(event))))
	r, t := new(big.Int).SetBytes(value[:32]), new(big.Int).SetBytes(value[32:])
	for _, candidate := range s.keysOf(event["source"].(string)) {
		key, err := candidate.parse()
		if err == nil && candidate.Kid == parsed.Kid && ecdsa.Verify(key, hash[:], r, t) {
			return true
		}
	}
	return false
}

// keysOf reads the keys of a service: the newest one, and the one before it.
func (s signer) keysOf(service string) []publicKey {
	var set struct{ Keys []publicKey }
	text, err := os.ReadFile(filepath.Join(s.folder, "public", filepath.Base(service)+".json"))
	if err != nil || json.Unmarshal(text, &set) != nil {
		return nil
	}
	return set.Keys
}

func (k publicKey) parse() (*ecdsa.PublicKey, error) {
	x, err := base64.RawURLEncoding.DecodeString(k.X)
	if err != nil {
		return nil, err
	}
	y, err := base64.RawURLEncoding.DecodeString(k.Y)
	if err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
}

func (s signer) signature(signed string) string {
	hash := sha256.Sum256([]byte(signed))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, hash[:])
	must(0, err)
	return encoded(append(r.FillBytes(make([]byte, 32)), t.FillBytes(make([]byte, 32))...))
}

// signedContent is the canonical JSON (RFC 8785) of the attributes that are signed; absent ones have the
// defaults of the schema.
func signedContent(event object) []byte {
	content := object{"data": event["data"], "datacontenttype": "application/json", "eventversion": 1,
		"sequence": 0, "subject": "", "correlationid": "", "causationid": "", "tenantid": "default"}
	for _, name := range []string{"id", "source", "type", "subject", "time", "datacontenttype", "eventversion",
		"minversion", "correlationid", "causationid", "sequence", "tenantid", "replyto", "expirytime"} {
		if value, exists := event[name]; exists {
			content[name] = value
		}
	}
	return must(jcs.Transform(must(json.Marshal(content))))
}
