package metadata

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	minIterations = 4096 // RFC 7677
	maxIterations = 16384
)

// scramMechanism is a mechanism number of KIP-554.
type scramMechanism struct {
	number int8
	name   string
	hash   func() hash.Hash
}

var scramMechanisms = []scramMechanism{
	{1, "SCRAM-SHA-256", sha256.New},
	{2, "SCRAM-SHA-512", sha512.New},
}

func mechanismOf(number int8) (scramMechanism, bool) {
	for _, m := range scramMechanisms {
		if m.number == number {
			return m, true
		}
	}
	return scramMechanism{}, false
}

// ScramCredential is what a server needs to check a password, never the
// password itself (RFC 5802).
type ScramCredential struct {
	Salt       []byte `json:"salt"`
	StoredKey  []byte `json:"storedKey"`
	ServerKey  []byte `json:"serverKey"`
	Iterations int    `json:"iterations"`
}

// scramUser is a user's credentials by mechanism name.
type scramUser struct {
	Format      int                        `json:"v"`
	Credentials map[string]ScramCredential `json:"credentials"`
}

// ScramCredential finds a user's credential, for example of "SCRAM-SHA-512".
func (i *Image) ScramCredential(mechanism, user string) (ScramCredential, bool) {
	c, ok := i.users[user].Credentials[mechanism]
	return c, ok
}

// DescribeUserSCRAMCredentials lists mechanisms and iterations (KIP-554).
func (i *Image) DescribeUserSCRAMCredentials(req *kmsg.DescribeUserSCRAMCredentialsRequest) *kmsg.DescribeUserSCRAMCredentialsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeUserSCRAMCredentialsResponse)
	resp.Results = []kmsg.DescribeUserSCRAMCredentialsResponseResult{}
	resp.ErrorMessage = kmsg.StringPtr("") // what Kafka says of success
	names, asked := sortedKeys(i.users), make(map[string]int)
	if len(req.Users) > 0 {
		names = nil
		for _, u := range req.Users {
			if asked[u.Name]++; asked[u.Name] == 1 {
				names = append(names, u.Name)
			}
		}
	}
	for _, name := range names {
		out := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
		out.User, out.ErrorMessage = name, kmsg.StringPtr("")
		user, known := i.users[name]
		switch {
		case asked[name] > 1:
			out.ErrorCode, out.ErrorMessage = wire(fail(kerr.DuplicateResource, "Cannot describe SCRAM credentials for the same user twice in a single request: %s", name))
		case !known:
			out.ErrorCode, out.ErrorMessage = wire(fail(kerr.ResourceNotFound, "Attempt to describe a user credential that does not exist: %s", name))
		}
		for _, m := range scramMechanisms {
			if c, ok := user.Credentials[m.name]; ok && out.ErrorCode == 0 {
				info := kmsg.NewDescribeUserSCRAMCredentialsResponseResultCredentialInfo()
				info.Mechanism, info.Iterations = m.number, int32(c.Iterations)
				out.CredentialInfos = append(out.CredentialInfos, info)
			}
		}
		resp.Results = append(resp.Results, out)
	}
	return resp
}

func (d *decision) alterUserSCRAMCredentials(req *kmsg.AlterUserSCRAMCredentialsRequest) *kmsg.AlterUserSCRAMCredentialsResponse {
	resp := req.ResponseKind().(*kmsg.AlterUserSCRAMCredentialsResponse)
	changes := make(map[string]*userChange)
	of := func(user string) *userChange {
		if changes[user] == nil {
			c := &userChange{credentials: map[string]ScramCredential{}}
			for k, v := range d.image.users[user].Credentials {
				c.credentials[k] = v
			}
			if user == "" {
				c.err = fail(kerr.UnacceptableCredential, "Username must not be empty")
			}
			changes[user] = c
		}
		return changes[user]
	}
	type pair struct {
		user      string
		mechanism int8
	}
	seen := make(map[pair]bool)
	twice := func(user string, mechanism int8) bool {
		p := pair{user, mechanism}
		if seen[p] && of(user).err == nil {
			of(user).err = fail(kerr.DuplicateResource, "A user credential cannot be altered twice in the same request")
		}
		seen[p] = true
		return of(user).err != nil
	}
	for i := range req.Deletions {
		if twice(req.Deletions[i].Name, req.Deletions[i].Mechanism) {
			continue
		}
		del := &req.Deletions[i]
		c := of(del.Name)
		m, ok := mechanismOf(del.Mechanism)
		if _, has := c.credentials[m.name]; !ok {
			c.err = fail(kerr.UnsupportedSaslMechanism, "Unknown SCRAM mechanism")
		} else if !has {
			c.err = fail(kerr.ResourceNotFound, "Attempt to delete a user credential that does not exist")
		}
		delete(c.credentials, m.name)
	}
	for i := range req.Upsertions {
		if twice(req.Upsertions[i].Name, req.Upsertions[i].Mechanism) {
			continue
		}
		c := of(req.Upsertions[i].Name)
		name, credential, err := newCredential(&req.Upsertions[i])
		if err != nil {
			c.err = err
			continue
		}
		c.credentials[name] = credential
	}
	resp.Results = d.changeUsers(changes)
	return resp
}

// userChange is what a request makes of one user.
type userChange struct {
	credentials map[string]ScramCredential // all that the user then has
	err         error
}

func (d *decision) changeUsers(changes map[string]*userChange) (results []kmsg.AlterUserSCRAMCredentialsResponseResult) {
	for _, user := range sortedKeys(changes) {
		c := changes[user]
		out := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
		out.User = user
		out.ErrorCode, out.ErrorMessage = wire(c.err)
		results = append(results, out)
		switch {
		case c.err != nil:
		case len(c.credentials) == 0:
			d.remove(userPrefix + user)
		default:
			d.add(userPrefix+user, scramUser{Format: eventFormat, Credentials: c.credentials})
		}
	}
	return results
}

// newCredential derives the keys from a salted password (RFC 5802 section 3).
func newCredential(u *kmsg.AlterUserSCRAMCredentialsRequestUpsertion) (mechanism string, c ScramCredential, err error) {
	m, ok := mechanismOf(u.Mechanism)
	switch {
	case !ok:
		return "", c, fail(kerr.UnsupportedSaslMechanism, "Unknown SCRAM mechanism")
	case u.Iterations < minIterations:
		return "", c, fail(kerr.UnacceptableCredential, "Too few iterations")
	case u.Iterations > maxIterations:
		return "", c, fail(kerr.UnacceptableCredential, "Too many iterations")
	case len(u.SaltedPassword) != m.hash().Size() || len(u.Salt) == 0:
		return "", c, fail(kerr.UnacceptableCredential, "The salted password does not fit the mechanism")
	}
	sign := func(key []byte, text string) []byte {
		h := hmac.New(m.hash, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := m.hash()
	stored.Write(sign(u.SaltedPassword, "Client Key"))
	return m.name, ScramCredential{
		Salt: append([]byte{}, u.Salt...), StoredKey: stored.Sum(nil),
		ServerKey: sign(u.SaltedPassword, "Server Key"), Iterations: int(u.Iterations),
	}, nil
}
