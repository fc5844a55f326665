package kms

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kms"
)

const maxRandom = 1024 // bytes of one data key or GenerateRandom

// Seal encrypts under the key that a KeyId stands for and answers the key's
// ARN. The errors are the API's.
func (s *Service) Seal(ctx context.Context, c model.Caller, id string, plaintext []byte, encryption map[string]string) (ciphertext []byte, arn string, err error) {
	k, err := s.shared(ctx, c, id)
	if err != nil {
		return nil, "", err
	}
	if err := k.usable(); err != nil {
		return nil, "", err
	}
	if k.due(s.cfg.Now()) {
		if k, err = s.rotate(ctx, c, k); err != nil {
			return nil, "", err
		}
	}
	last := len(k.Material) - 1
	material, err := s.material(k, last)
	if err != nil {
		return nil, "", err
	}
	nonce, err := s.random(nonceBytes)
	if err != nil {
		return nil, "", err
	}
	return appendBlob(k.ID, k.Account, last, material, nonce, plaintext, encryption, k.ARN), k.ARN, nil
}

// rotate gives a key that is due its new material.
func (s *Service) rotate(ctx context.Context, c model.Caller, due *key) (*key, error) {
	c.Account = due.Account
	return s.change(ctx, c, due.ID, func(k *key) error {
		now := s.now()
		if !k.due(now) {
			return nil // another call was first
		}
		for !now.Before(k.Next) {
			k.Next = k.Next.AddDate(0, 0, int(k.Rotation))
		}
		return s.addMaterial(k)
	})
}

// Open decrypts what Seal made with the same encryption context. When id is not
// empty the key must be the one it stands for.
func (s *Service) Open(ctx context.Context, c model.Caller, id string, ciphertext []byte, encryption map[string]string) (plaintext []byte, arn string, err error) {
	b, ok := parseBlob(ciphertext)
	if !ok {
		return nil, "", invalidCiphertext()
	}
	if id != "" {
		named, err := s.shared(ctx, c, id)
		if err != nil {
			return nil, "", err
		}
		if named.ID != b.id || b.account != "" && named.Account != b.account {
			return nil, "", fault("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
		}
	}
	arn, _ = s.KeyOf(c, ciphertext)
	k, err := s.shared(ctx, c, arn)
	if err != nil {
		if ignoreFault(err) == nil {
			err = invalidCiphertext() // of a key that is not the caller's, or no more
		}
		return nil, "", err
	}
	if err := k.usable(); err != nil {
		return nil, "", err
	}
	material, err := s.material(k, b.material)
	if err != nil {
		return nil, "", err
	}
	if plaintext, ok = b.open(material, encryption, k.ARN); !ok {
		return nil, "", invalidCiphertext()
	}
	return plaintext, k.ARN, nil
}

// invalidCiphertext says no more, as AWS does.
func invalidCiphertext() error { return fault("InvalidCiphertextException", "") }

// KeyOf is the ARN of the key that a ciphertext says made it, for its judge: in
// the caller's region. ok is false for what no key can have made.
func (s *Service) KeyOf(c model.Caller, ciphertext []byte) (arn string, ok bool) {
	b, ok := parseBlob(ciphertext)
	if b.account != "" {
		c.Account = b.account
	}
	return arnOf(c, "key/"+b.id), ok
}

// checkUse refuses what the symmetric algorithm does not have.
func checkUse(algorithm *string, dryRun *bool, recipient *kms.RecipientInfo) error {
	switch {
	case algorithm != nil && *algorithm != symmetric:
		return fault("InvalidKeyUsageException", "The encryption algorithm %s is not compatible with the key.", *algorithm)
	case recipient != nil:
		return unsupported("recipients in Nitro enclaves")
	case deref(dryRun):
		return fault("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}
	return nil
}

// Encrypt encrypts at most 4 KiB.
func (s *Service) Encrypt(ctx context.Context, c model.Caller, in *kms.EncryptRequest) (*kms.EncryptResponse, error) {
	if err := checkUse(in.EncryptionAlgorithm, in.DryRun, nil); err != nil {
		return nil, err
	}
	out, arn, err := s.Seal(ctx, c, deref(in.KeyId), in.Plaintext, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kms.EncryptResponse{CiphertextBlob: out, KeyId: new(arn), EncryptionAlgorithm: new(symmetric)}, nil
}

// Decrypt decrypts what Encrypt or GenerateDataKey made.
func (s *Service) Decrypt(ctx context.Context, c model.Caller, in *kms.DecryptRequest) (*kms.DecryptResponse, error) {
	if err := checkUse(in.EncryptionAlgorithm, in.DryRun, in.Recipient); err != nil {
		return nil, err
	}
	plain, arn, err := s.Open(ctx, c, deref(in.KeyId), in.CiphertextBlob, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kms.DecryptResponse{Plaintext: plain, KeyId: new(arn), EncryptionAlgorithm: new(symmetric)}, nil
}

// ReEncrypt decrypts and encrypts again; the plaintext does not leave.
func (s *Service) ReEncrypt(ctx context.Context, c model.Caller, in *kms.ReEncryptRequest) (*kms.ReEncryptResponse, error) {
	if err := checkUse(in.SourceEncryptionAlgorithm, nil, nil); err != nil {
		return nil, err
	}
	if err := checkUse(in.DestinationEncryptionAlgorithm, in.DryRun, nil); err != nil {
		return nil, err
	}
	plain, source, err := s.Open(ctx, c, deref(in.SourceKeyId), in.CiphertextBlob, in.SourceEncryptionContext)
	if err != nil {
		return nil, err
	}
	out, arn, err := s.Seal(ctx, c, deref(in.DestinationKeyId), plain, in.DestinationEncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kms.ReEncryptResponse{
		CiphertextBlob: out, KeyId: new(arn), SourceKeyId: new(source),
		SourceEncryptionAlgorithm: new(symmetric), DestinationEncryptionAlgorithm: new(symmetric),
	}, nil
}

// GenerateDataKey makes a data key, plain and encrypted.
func (s *Service) GenerateDataKey(ctx context.Context, c model.Caller, in *kms.GenerateDataKeyRequest) (*kms.GenerateDataKeyResponse, error) {
	if err := checkUse(nil, in.DryRun, in.Recipient); err != nil {
		return nil, err
	}
	plain, sealed, arn, err := s.dataKey(ctx, c, deref(in.KeyId), in.KeySpec, in.NumberOfBytes, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyResponse{Plaintext: plain, CiphertextBlob: sealed, KeyId: new(arn)}, nil
}

// GenerateDataKeyWithoutPlaintext makes a data key, encrypted.
func (s *Service) GenerateDataKeyWithoutPlaintext(ctx context.Context, c model.Caller, in *kms.GenerateDataKeyWithoutPlaintextRequest) (*kms.GenerateDataKeyWithoutPlaintextResponse, error) {
	if err := checkUse(nil, in.DryRun, nil); err != nil {
		return nil, err
	}
	_, sealed, arn, err := s.dataKey(ctx, c, deref(in.KeyId), in.KeySpec, in.NumberOfBytes, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyWithoutPlaintextResponse{CiphertextBlob: sealed, KeyId: new(arn)}, nil
}

func (s *Service) dataKey(ctx context.Context, c model.Caller, id string, spec *string, bytes *int32, encryption map[string]string) (plain, sealed []byte, arn string, err error) {
	n := 32
	switch {
	case (spec == nil) == (bytes == nil):
		return nil, nil, "", validation("Please specify either number of bytes or key spec.")
	case spec != nil && *spec == "AES_128":
		n = 16
	case bytes != nil:
		n = int(*bytes)
	}
	if plain, err = s.random(n); err != nil {
		return nil, nil, "", err
	}
	sealed, arn, err = s.Seal(ctx, c, id, plain, encryption)
	return plain, sealed, arn, err
}

// GenerateRandom answers random bytes.
func (s *Service) GenerateRandom(_ context.Context, _ model.Caller, in *kms.GenerateRandomRequest) (*kms.GenerateRandomResponse, error) {
	n := deref(in.NumberOfBytes)
	switch {
	case in.CustomKeyStoreId != nil:
		return nil, unsupported("custom key stores")
	case in.Recipient != nil:
		return nil, unsupported("recipients in Nitro enclaves")
	case n < 1 || n > maxRandom:
		return nil, validation("NumberOfBytes must be between 1 and %d.", maxRandom)
	}
	b, err := s.random(int(n))
	if err != nil {
		return nil, err
	}
	return &kms.GenerateRandomResponse{Plaintext: b}, nil
}
