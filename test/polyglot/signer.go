package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

const self = "stock-watch"

var encoded = base64.RawURLEncoding.EncodeToString

// signer creates the tokens that identify this participant to the services. The private key stays in
// the process; the services read the public key from SERVICE_KEYS.
type signer struct {
	key *ecdsa.PrivateKey
	kid string
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
	return signer{key, kid}
}

// token is valid for calls to one app, for a minute.
func (s signer) token(app string) string {
	now := time.Now().Unix()
	header := object{"alg": "ES256", "kid": s.kid}
	claims := object{"iss": self, "sub": self, "aud": app, "iat": now, "exp": now + 60}
	signed := encoded(must(json.Marshal(header))) + "." + encoded(must(json.Marshal(claims)))
	hash := sha256.Sum256([]byte(signed))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, hash[:])
	must(0, err)
	signature := append(r.FillBytes(make([]byte, 32)), t.FillBytes(make([]byte, 32))...)
	return signed + "." + encoded(signature)
}
