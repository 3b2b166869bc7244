// Judge: go-oidc verifies our access tokens with its remote key set, golang.org/x/oauth2 fetches them. go-oidc discovers only
// OpenID providers, so the endpoints come from our RFC 8414 document by its documented manual way, ProviderConfig.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

type metadata struct {
	Issuer        string `json:"issuer"`
	Token         string `json:"token_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	Jwks          string `json:"jwks_uri"`
}

type claims struct {
	Active   bool   `json:"active"`
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	ID       string `json:"jti"`
}

var (
	issuer = os.Getenv("JUDGE_ISSUER")
	id     = os.Getenv("JUDGE_CLIENT_ID")
	secret = os.Getenv("JUDGE_CLIENT_SECRET")
	scope  = os.Getenv("JUDGE_SCOPE")
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func require(truth bool, format string, values ...any) {
	if !truth {
		must(fmt.Errorf(format, values...))
	}
}

// Counts what is fetched, so that the cache is seen to be one.
type counting struct{ fetches atomic.Int32 }

func (c *counting) RoundTrip(request *http.Request) (*http.Response, error) {
	c.fetches.Add(1)
	return http.DefaultTransport.RoundTrip(request)
}

func checkClaims(c claims) {
	require(c.Issuer == issuer && c.Subject == id && c.ClientID == id && c.Scope == scope && c.ID != "", "claims: %+v", c)
}

func ask(endpoint string, form url.Values) (int, claims) {
	request, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	must(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(id, secret)
	answer, err := http.DefaultClient.Do(request)
	must(err)
	defer answer.Body.Close()
	var body claims
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil && answer.ContentLength != 0 {
		must(err)
	}
	return answer.StatusCode, body
}

func withOtherSignature(token string) string {
	at := strings.LastIndex(token, ".") + 10
	other := "A"
	if token[at] == 'A' {
		other = "B"
	}
	return token[:at] + other + token[at+1:]
}

func withOtherClaims(token string) string {
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(err)
	var all map[string]any
	must(json.Unmarshal(payload, &all))
	all["scope"] = "admin:orgs"
	payload, err = json.Marshal(all)
	must(err)
	parts[1] = base64.RawURLEncoding.EncodeToString(payload)
	return strings.Join(parts, ".")
}

func kidOf(token string) string {
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	must(err)
	var members map[string]string
	must(json.Unmarshal(header, &members))
	require(members["typ"] == "at+jwt", "header: %s", header)
	return members["kid"]
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()

	answer, err := http.Get(issuer + "/.well-known/oauth-authorization-server")
	must(err)
	var found metadata
	must(json.NewDecoder(answer.Body).Decode(&found))
	answer.Body.Close()
	require(found.Issuer == issuer, "issuer is %q", found.Issuer)
	config := oidc.ProviderConfig{IssuerURL: found.Issuer, TokenURL: found.Token, JWKSURL: found.Jwks, Algorithms: []string{os.Getenv("JUDGE_ALG")}}
	counter := &counting{}
	provider := config.NewProvider(oidc.ClientContext(ctx, &http.Client{Transport: counter}))
	fmt.Println("discovery")

	grant := func(secret string, style oauth2.AuthStyle) (*oauth2.Token, error) {
		client := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: provider.Endpoint().TokenURL, Scopes: strings.Fields(scope), AuthStyle: style}
		return client.Token(ctx)
	}
	byBasic, err := grant(secret, oauth2.AuthStyleInHeader)
	must(err)
	require(byBasic.Valid() && byBasic.Type() == "Bearer", "token: %+v", byBasic)
	fmt.Println("basic")
	byPost, err := grant(secret, oauth2.AuthStyleInParams)
	must(err)
	fmt.Println("post")

	verifier := provider.Verifier(&oidc.Config{ClientID: issuer})
	verify := func(token string) error {
		verified, err := verifier.Verify(ctx, token)
		if err != nil {
			return err
		}
		var c claims
		must(verified.Claims(&c))
		checkClaims(c)
		return nil
	}
	must(verify(byBasic.AccessToken))
	must(verify(byPost.AccessToken))
	require(counter.fetches.Load() == 1, "the JWKS was fetched %d times", counter.fetches.Load())
	fmt.Println("verified")

	for _, changed := range []string{withOtherSignature(byBasic.AccessToken), withOtherClaims(byBasic.AccessToken)} {
		err := verify(changed)
		require(err != nil && strings.Contains(err.Error(), "failed to verify"), "a changed token: %v", err)
		status, body := ask(found.Introspection, url.Values{"token": {changed}})
		require(status == 200 && body == claims{}, "a changed token is active")
	}
	fmt.Println("tampered")

	status, alive := ask(found.Introspection, url.Values{"token": {byBasic.AccessToken}})
	require(status == 200 && alive.Active, "introspection: %d %+v", status, alive)
	checkClaims(alive)
	fmt.Println("introspected")
	status, _ = ask(found.Revocation, url.Values{"token": {byBasic.AccessToken}})
	require(status == 200, "revocation: %d", status)
	fmt.Println("revoked")
	status, alive = ask(found.Introspection, url.Values{"token": {byBasic.AccessToken}})
	require(status == 200 && alive == claims{}, "a revoked token: %d %+v", status, alive)
	fmt.Println("inactive")

	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		_, err := grant(secret+"x", style)
		var refused *oauth2.RetrieveError
		require(errors.As(err, &refused) && refused.ErrorCode == "invalid_client", "a wrong secret: %v", err)
	}
	fmt.Println("wrong-secret")

	fmt.Println("please rotate")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	must(err)
	require(line == "rotated\n", "the runner said %q", line)
	// It fetches again for a signature that does not verify, too: only what the new key costs is counted.
	before := counter.fetches.Load()
	later, err := grant(secret, oauth2.AuthStyleInHeader)
	must(err)
	require(kidOf(later.AccessToken) != kidOf(byBasic.AccessToken), "the key did not change")
	must(verify(later.AccessToken))
	must(verify(byPost.AccessToken))
	require(counter.fetches.Load() == before+1, "a new key cost %d fetches", counter.fetches.Load()-before)
	fmt.Println("new-key")
}
