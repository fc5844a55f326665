"""boto3 over what IAM, KMS, Secrets Manager and ACM PCA serve and no other test
calls, each answer held to the models. Run by TestBoto3KeysAndIdentities; exits 1
with everything that was found."""
import json

import strict
from strict import check, refused

iam = strict.client("iam")
kms = strict.client("kms")
secrets = strict.client("secretsmanager")
pca = strict.client("acm-pca")
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kafka:ListClusters", "Resource": "*"}]}
TEXT = json.dumps(ALLOW)
NOBODY = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/nobody"}, "Action": "*", "Resource": "*"}


def users():
    iam.create_user(UserName="alice")
    iam.create_access_key(UserName="alice")
    check("keys", len(iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]), 1)
    iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=TEXT)
    check("own policy", iam.get_user_policy(UserName="alice", PolicyName="own")["PolicyDocument"], ALLOW)
    check("own policies", iam.list_user_policies(UserName="alice")["PolicyNames"], ["own"])
    check("attached", iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"], [])
    for call, key in ((iam.list_mfa_devices, "MFADevices"), (iam.list_ssh_public_keys, "SSHPublicKeys"), (iam.list_signing_certificates, "Certificates"),
                      (iam.list_service_specific_credentials, "ServiceSpecificCredentials")):
        check(call.__name__, call(UserName="alice")[key], [])
    check("virtual devices", iam.list_virtual_mfa_devices()["VirtualMFADevices"], [])
    check("account aliases", iam.list_account_aliases()["AccountAliases"], [])


def groups(policy):
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="alice")
    check("groups", [g["GroupName"] for g in iam.list_groups()["Groups"]], ["staff"])
    check("alice's groups", [g["GroupName"] for g in iam.list_groups_for_user(UserName="alice")["Groups"]], ["staff"])
    iam.put_group_policy(GroupName="staff", PolicyName="own", PolicyDocument=TEXT)
    check("group policy", iam.get_group_policy(GroupName="staff", PolicyName="own")["PolicyDocument"], ALLOW)
    check("group policies", iam.list_group_policies(GroupName="staff")["PolicyNames"], ["own"])
    iam.delete_group_policy(GroupName="staff", PolicyName="own")
    refused("the group's policy is gone", "NoSuchEntity", 404, iam.get_group_policy, GroupName="staff", PolicyName="own")
    iam.attach_group_policy(GroupName="staff", PolicyArn=policy)
    iam.detach_group_policy(GroupName="staff", PolicyArn=policy)
    refused("it is detached", "NoSuchEntity", 404, iam.detach_group_policy, GroupName="staff", PolicyArn=policy)


def roles(policy):
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
    iam.update_role_description(RoleName="app", Description="an application")
    check("role", [(r["RoleName"], r.get("Description")) for r in iam.list_roles()["Roles"]], [("app", "an application")])
    iam.put_role_policy(RoleName="app", PolicyName="own", PolicyDocument=TEXT)
    check("role policy", iam.get_role_policy(RoleName="app", PolicyName="own")["PolicyDocument"], ALLOW)
    check("role policies", iam.list_role_policies(RoleName="app")["PolicyNames"], ["own"])
    iam.attach_role_policy(RoleName="app", PolicyArn=policy)
    check("attached", [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"]], [policy])
    iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=policy)
    check("boundary", iam.get_role(RoleName="app")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"], policy)
    iam.delete_role_permissions_boundary(RoleName="app")
    check("no boundary", "PermissionsBoundary" in iam.get_role(RoleName="app")["Role"], False)
    retagged(iam.tag_role, iam.untag_role, iam.list_role_tags, RoleName="app")


def retagged(tag, untag, tags, **which):
    tag(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], **which)
    untag(TagKeys=["a"], **which)
    check(f"{tags.__name__}", tags(**which)["Tags"], [{"Key": "b", "Value": "2"}])


def policies():
    arn = iam.create_policy(PolicyName="shared", PolicyDocument=TEXT)["Policy"]["Arn"]
    check("versions", [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]], ["v1"])
    retagged(iam.tag_policy, iam.untag_policy, iam.list_policy_tags, PolicyArn=arn)
    return arn


def profiles():
    iam.create_instance_profile(InstanceProfileName="host")
    iam.add_role_to_instance_profile(InstanceProfileName="host", RoleName="app")
    check("profiles", [p["InstanceProfileName"] for p in iam.list_instance_profiles()["InstanceProfiles"]], ["host"])
    check("of the role", [p["InstanceProfileName"] for p in iam.list_instance_profiles_for_role(RoleName="app")["InstanceProfiles"]], ["host"])
    retagged(iam.tag_instance_profile, iam.untag_instance_profile, iam.list_instance_profile_tags, InstanceProfileName="host")
    refused("in use", "DeleteConflict", 409, iam.delete_instance_profile, InstanceProfileName="host")
    iam.remove_role_from_instance_profile(InstanceProfileName="host", RoleName="app")
    iam.delete_instance_profile(InstanceProfileName="host")
    check("no profiles", iam.list_instance_profiles()["InstanceProfiles"], [])


def keys():
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_key_description(KeyId=key, Description="of records")
    check("described", kms.describe_key(KeyId=key)["KeyMetadata"]["Description"], "of records")
    kms.enable_key_rotation(KeyId=key)
    kms.disable_key_rotation(KeyId=key)
    check("rotation", kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"], False)
    check("random", len(kms.generate_random(NumberOfBytes=24)["Plaintext"]), 24)
    sealed = kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")["CiphertextBlob"]
    check("data key", len(kms.decrypt(CiphertextBlob=sealed)["Plaintext"]), 32)
    check("policies", kms.list_key_policies(KeyId=key)["PolicyNames"], ["default"])
    check("policy", "kms:*" in kms.get_key_policy(KeyId=key)["Policy"], True)
    own = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    own["Statement"].append(NOBODY)
    refused("nobody's policy", "MalformedPolicyDocumentException", 400, kms.put_key_policy, KeyId=key, Policy=json.dumps(own))
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    check("tags", kms.list_resource_tags(KeyId=key)["Tags"], [{"TagKey": "b", "TagValue": "2"}])
    retirer = "arn:aws:iam::000000000000:user/alice"
    grant = kms.create_grant(KeyId=key, GranteePrincipal=retirer, RetiringPrincipal=retirer, Operations=["Decrypt"])["GrantId"]
    check("retirable", [g["GrantId"] for g in kms.list_retirable_grants(RetiringPrincipal=retirer)["Grants"]], [grant])
    kms.revoke_grant(KeyId=key, GrantId=grant)
    check("revoked", kms.list_grants(KeyId=key)["Grants"], [])
    kms.create_alias(AliasName="alias/records", TargetKeyId=key)
    kms.delete_alias(AliasName="alias/records")
    refused("no alias", "NotFoundException", 400, kms.describe_key, KeyId="alias/records")


def values():
    arn = secrets.create_secret(Name="s", SecretString="v", Tags=[{"Key": "a", "Value": "1"}])["ARN"]
    secrets.untag_resource(SecretId=arn, TagKeys=["a"])
    check("tags", secrets.describe_secret(SecretId=arn).get("Tags", []), [])
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}))
    refused("nobody's policy", "MalformedPolicyDocumentException", 400, secrets.put_resource_policy, SecretId=arn,
            ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [NOBODY]}))
    secrets.delete_resource_policy(SecretId=arn)
    check("no policy", secrets.get_resource_policy(SecretId=arn).get("ResourcePolicy"), None)


def authorities():
    arn = pca.create_certificate_authority(CertificateAuthorityType="ROOT", CertificateAuthorityConfiguration={
        "KeyAlgorithm": "EC_prime256v1", "SigningAlgorithm": "SHA256WITHECDSA", "Subject": {"CommonName": "ca"}})["CertificateAuthorityArn"]
    csr = pca.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"]
    issued = pca.issue_certificate(CertificateAuthorityArn=arn, Csr=csr.encode(), SigningAlgorithm="SHA256WITHECDSA",
                                   TemplateArn="arn:aws:acm-pca:::template/RootCACertificate/V1", Validity={"Value": 1, "Type": "YEARS"})["CertificateArn"]
    certificate = pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=issued)["Certificate"]
    pca.import_certificate_authority_certificate(CertificateAuthorityArn=arn, Certificate=certificate.encode())
    check("certificate", pca.get_certificate_authority_certificate(CertificateAuthorityArn=arn)["Certificate"], certificate)
    pca.create_permission(CertificateAuthorityArn=arn, Principal="acm.amazonaws.com", Actions=["IssueCertificate", "GetCertificate", "ListPermissions"])
    pca.delete_permission(CertificateAuthorityArn=arn, Principal="acm.amazonaws.com")
    check("permissions", pca.list_permissions(CertificateAuthorityArn=arn)["Permissions"], [])


users()
shared = policies()
groups(shared)
roles(shared)
profiles()
keys()
values()
authorities()
strict.done()
