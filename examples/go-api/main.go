// A products API protected by Countersign. Signed-in users can read; adding products needs the scope products:write.
// go mod tidy && ISSUER=http://127.0.0.1:8000 go run .
// Settings: ISSUER, AUDIENCE (default: the issuer), PORT (0 picks a free one). verify.go verifies tokens.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
)

type product struct {
	ID      int    `json:"id"`
	Name    string `json:"name"`
	AddedBy string `json:"addedBy"`
}

var (
	products = []product{{ID: 1, Name: "Umbrella"}}
	lock     sync.Mutex
)

func main() {
	issuer := setting("ISSUER", "http://127.0.0.1:8000")
	verifier := newVerifier(issuer, setting("AUDIENCE", issuer))
	http.HandleFunc("/products", func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			verifier.protect(w, r, "", func(*user) { answer(w, http.StatusOK, all()) })
		case http.MethodPost:
			verifier.protect(w, r, "products:write", func(u *user) { add(w, r, u) })
		default:
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+setting("PORT", "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func add(w http.ResponseWriter, r *http.Request, u *user) {
	var wanted product
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&wanted); err != nil || wanted.Name == "" {
		answer(w, http.StatusUnprocessableEntity, map[string]string{"detail": "A product has a name."})
		return
	}
	lock.Lock()
	defer lock.Unlock()
	products = append(products, product{ID: len(products) + 1, Name: wanted.Name, AddedBy: u.Subject})
	answer(w, http.StatusCreated, products[len(products)-1])
}

func all() []product {
	lock.Lock()
	defer lock.Unlock()
	return append([]product(nil), products...)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func setting(name, usual string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return usual
}
