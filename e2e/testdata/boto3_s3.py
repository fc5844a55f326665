"""boto3 over S3: buckets, objects, uploads in parts, lists, presigned URLs, who
may, and errors, each answer held to the model. Run by TestBoto3S3 with an access
key of another account; exits 1 with everything that was found."""
import hashlib
import io
import json
import sys
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

import strict
from strict import check, refused

s3 = strict.client("s3")
BLOCKED = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
PART = 5 << 20


def buckets():
    s3.create_bucket(Bucket="logs")
    refused("a bucket's name", "InvalidBucketName", 400, s3.create_bucket, Bucket="Logs_")
    s3.create_bucket(Bucket="west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    check("regions", {b["Name"]: b["BucketRegion"] for b in s3.list_buckets()["Buckets"]}, {"logs": "us-east-1", "west": "eu-west-1"})
    check("location", (s3.get_bucket_location(Bucket="logs")["LocationConstraint"], s3.get_bucket_location(Bucket="west")["LocationConstraint"]), (None, "eu-west-1"))
    s3.delete_bucket(Bucket="west")
    s3.get_waiter("bucket_not_exists").wait(Bucket="west")
    refused("no bucket", "NoSuchBucket", 404, s3.list_objects_v2, Bucket="west")
    refused("no bucket's head", "404", 404, s3.head_bucket, Bucket="west")
    s3.put_bucket_tagging(Bucket="logs", Tagging={"TagSet": [{"Key": "team", "Value": "payments"}]})
    check("tags", s3.get_bucket_tagging(Bucket="logs")["TagSet"], [{"Key": "team", "Value": "payments"}])
    s3.delete_bucket_tagging(Bucket="logs")
    refused("no tags", "NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket="logs")
    for call, code in ((s3.get_bucket_cors, "NoSuchCORSConfiguration"), (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
                       (s3.get_bucket_website, "NoSuchWebsiteConfiguration"), (s3.get_bucket_policy, "NoSuchBucketPolicy")):
        refused(call.__name__, code, 404, call, Bucket="logs")
    for call in (s3.get_bucket_versioning, s3.get_bucket_logging, s3.get_bucket_notification_configuration, s3.get_bucket_accelerate_configuration):
        check(call.__name__, call(Bucket="logs").keys() - {"ResponseMetadata"}, set())
    rule = s3.get_bucket_encryption(Bucket="logs")["ServerSideEncryptionConfiguration"]["Rules"][0]
    check("encryption", rule["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})


def objects():
    body = "grün\n".encode()
    put = s3.put_object(Bucket="logs", Key="a key/é+", Body=body, ContentType="text/plain", Metadata={"origin": "here"}, Tagging="a=b")
    check("etag", put["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
    got = s3.get_object(Bucket="logs", Key="a key/é+")
    check("object", (got["Body"].read(), got["ContentType"], got["Metadata"], got["ContentLength"], got["TagCount"], got["ETag"]),
          (body, "text/plain", {"origin": "here"}, len(body), 1, put["ETag"]))
    check("a range", s3.get_object(Bucket="logs", Key="a key/é+", Range="bytes=0-1")["Body"].read(), b"gr")
    head = s3.head_object(Bucket="logs", Key="a key/é+")
    check("head", (head["ContentLength"], head["ServerSideEncryption"]), (len(body), "AES256"))
    s3.put_object_tagging(Bucket="logs", Key="a key/é+", Tagging={"TagSet": [{"Key": "c", "Value": "d"}]})
    check("its tags", s3.get_object_tagging(Bucket="logs", Key="a key/é+")["TagSet"], [{"Key": "c", "Value": "d"}])
    s3.copy_object(Bucket="logs", Key="copy", CopySource={"Bucket": "logs", "Key": "a key/é+"}, MetadataDirective="REPLACE", Metadata={"is": "new"})
    check("the copy's", s3.head_object(Bucket="logs", Key="copy")["Metadata"], {"is": "new"})
    refused("no key", "NoSuchKey", 404, s3.get_object, Bucket="logs", Key="none")
    refused("no key's head", "404", 404, s3.head_object, Bucket="logs", Key="none")
    refused("not new", "PreconditionFailed", 412, s3.put_object, Bucket="logs", Key="copy", Body=b"", IfNoneMatch="*")
    refused("not changed", "304", 304, s3.get_object, Bucket="logs", Key="copy", IfNoneMatch=s3.head_object(Bucket="logs", Key="copy")["ETag"])
    refused("out of range", "InvalidRange", 416, s3.get_object, Bucket="logs", Key="copy", Range="bytes=100-")
    refused("other content", "BadDigest", 400, s3.put_object, Bucket="logs", Key="x", Body=b"1", ContentMD5="rL0Y20zC+Fzt72VPzMSk2A==")
    refused("another owner's", "AccessDenied", 403, s3.get_object, Bucket="logs", Key="copy", ExpectedBucketOwner="111122223333")
    refused("not empty", "BucketNotEmpty", 409, s3.delete_bucket, Bucket="logs")
    for algorithm in ("CRC32", "SHA1", "SHA256"):  # boto3 needs awscrt for the others
        put = s3.put_object(Bucket="logs", Key="sum", Body=body, ChecksumAlgorithm=algorithm)
        got = s3.get_object(Bucket="logs", Key="sum", ChecksumMode="ENABLED")
        check(algorithm, (got["Body"].read(), got["Checksum" + algorithm]), (body, put["Checksum" + algorithm]))


def parts():
    text = bytes(range(256)) * (2 * PART // 256) + b"end"
    s3.upload_fileobj(io.BytesIO(text), "logs", "big", ExtraArgs={"Metadata": {"in": "parts"}}, Config=TransferConfig(multipart_threshold=PART, multipart_chunksize=PART))
    head = s3.head_object(Bucket="logs", Key="big")
    check("big", (head["ContentLength"], head["Metadata"], head["ETag"][-3:]), (len(text), {"in": "parts"}, '-3"'))
    back = io.BytesIO()
    s3.download_fileobj("logs", "big", back, Config=TransferConfig(multipart_threshold=PART, multipart_chunksize=PART))
    check("what came back is what was put", back.getvalue() == text, True)
    attributes = s3.get_object_attributes(Bucket="logs", Key="big", ObjectAttributes=["ObjectSize", "ObjectParts", "ETag"])
    check("attributes", (attributes["ObjectSize"], attributes["ObjectParts"]["TotalPartsCount"]), (len(text), 3))
    upload = s3.create_multipart_upload(Bucket="logs", Key="never")["UploadId"]
    here = {"Bucket": "logs", "Key": "never", "UploadId": upload}
    etag = s3.upload_part(**here, PartNumber=1, Body=b"small")["ETag"]
    copied = s3.upload_part_copy(**here, PartNumber=2, CopySource={"Bucket": "logs", "Key": "big"}, CopySourceRange=f"bytes=0-{PART - 1}")
    check("parts", [(p["PartNumber"], p["Size"]) for p in s3.list_parts(**here)["Parts"]], [(1, 5), (2, PART)])
    check("uploads", [u["UploadId"] for u in s3.list_multipart_uploads(Bucket="logs")["Uploads"]], [upload])
    named = [{"PartNumber": 1, "ETag": etag}, {"PartNumber": 2, "ETag": copied["CopyPartResult"]["ETag"]}]
    refused("a small part", "EntityTooSmall", 400, s3.complete_multipart_upload, **here, MultipartUpload={"Parts": named})
    refused("order", "InvalidPartOrder", 400, s3.complete_multipart_upload, **here, MultipartUpload={"Parts": named[::-1]})
    s3.abort_multipart_upload(**here)
    refused("aborted", "NoSuchUpload", 404, s3.list_parts, **here)


def lists():
    for n in range(7):
        s3.put_object(Bucket="logs", Key=f"days/{n % 2}/{n} +", Body=b"")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="logs", Prefix="days/", PaginationConfig={"PageSize": 3}))
    check("pages", [p["KeyCount"] for p in pages], [3, 3, 1])
    check("keys", [o["Key"] for p in pages for o in p["Contents"]], sorted(f"days/{n % 2}/{n} +" for n in range(7)))
    top = s3.list_objects_v2(Bucket="logs", Prefix="days/", Delimiter="/")
    check("prefixes", [p["Prefix"] for p in top["CommonPrefixes"]], ["days/0/", "days/1/"])
    check("old lists", len(s3.list_objects(Bucket="logs", Prefix="days/")["Contents"]), 7)
    check("versions", {v["VersionId"] for v in s3.list_object_versions(Bucket="logs", Prefix="days/")["Versions"]}, {"null"})
    gone = s3.delete_objects(Bucket="logs", Delete={"Objects": [{"Key": f"days/{n % 2}/{n} +"} for n in range(7)] + [{"Key": "none"}]})
    check("deleted", len(gone["Deleted"]), 8)


def links():
    signer = boto3.client("s3", config=Config(signature_version="s3v4"))
    url = signer.generate_presigned_url("put_object", Params={"Bucket": "logs", "Key": "by link"}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(url, data=b"linked", method="PUT", headers={"Content-Type": ""})).close()
    url = signer.generate_presigned_url("get_object", Params={"Bucket": "logs", "Key": "by link", "ResponseContentType": "text/x"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as answer:
        check("by link", (answer.read(), answer.headers["Content-Type"]), (b"linked", "text/x"))
    for what, bad in (("another key", url.replace("by%20link", "copy")), ("no signature", url.split("?")[0])):
        try:
            urllib.request.urlopen(bad)
            sys.exit(f"{what}: accepted")
        except urllib.error.HTTPError as e:
            check(what, e.code, 403)


def access(other):
    check("blocked", s3.get_public_access_block(Bucket="logs")["PublicAccessBlockConfiguration"], BLOCKED)
    public = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}]})
    nobody = public.replace('"*"', '{"AWS": "arn:aws:iam::000000000000:user/nobody"}')
    refused("nobody's policy", "MalformedPolicy", 400, s3.put_bucket_policy, Bucket="logs", Policy=nobody)
    refused("a public policy", "AccessDenied", 403, s3.put_bucket_policy, Bucket="logs", Policy=public)
    s3.put_public_access_block(Bucket="logs", PublicAccessBlockConfiguration={**BLOCKED, "BlockPublicPolicy": False})
    s3.put_bucket_policy(Bucket="logs", Policy=public)
    check("its status", s3.get_bucket_policy_status(Bucket="logs")["PolicyStatus"]["IsPublic"], True)
    refused("a restricted bucket", "AccessDenied", 403, other.get_object, Bucket="logs", Key="copy")
    s3.delete_public_access_block(Bucket="logs")
    refused("no configuration", "NoSuchPublicAccessBlockConfiguration", 404, s3.get_public_access_block, Bucket="logs")
    other.get_object(Bucket="logs", Key="copy")
    refused("beyond the policy", "AccessDenied", 403, other.put_object, Bucket="logs", Key="copy", Body=b"")
    s3.delete_bucket_policy(Bucket="logs")

    owner = s3.get_bucket_acl(Bucket="logs")
    check("the ACL", [(g["Grantee"]["ID"], g["Permission"]) for g in owner["Grants"]], [(owner["Owner"]["ID"], "FULL_CONTROL")])
    refused("no ACLs", "AccessControlListNotSupported", 400, s3.put_bucket_acl, Bucket="logs", ACL="private")
    s3.put_bucket_ownership_controls(Bucket="logs", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
    check("ownership", s3.get_bucket_ownership_controls(Bucket="logs")["OwnershipControls"]["Rules"], [{"ObjectOwnership": "BucketOwnerPreferred"}])
    s3.put_bucket_acl(Bucket="logs", ACL="log-delivery-write")
    grants = s3.get_bucket_acl(Bucket="logs")["Grants"]
    check("grants", [(g["Grantee"]["Type"], g["Permission"]) for g in grants], [("CanonicalUser", "FULL_CONTROL"), ("Group", "WRITE"), ("Group", "READ_ACP")])
    s3.put_bucket_acl(Bucket="logs", AccessControlPolicy={"Grants": grants[:2], "Owner": {"ID": owner["Owner"]["ID"]}})
    check("set by grants", s3.get_bucket_acl(Bucket="logs")["Grants"], grants[:2])
    s3.put_bucket_acl(Bucket="logs", ACL="private")
    s3.put_object(Bucket="logs", Key="copy", Body=b"", ACL="private")
    s3.put_object_acl(Bucket="logs", Key="copy", ACL="private")
    check("an object's ACL", s3.get_object_acl(Bucket="logs", Key="copy")["Grants"], owner["Grants"])
    s3.delete_bucket_ownership_controls(Bucket="logs")
    refused("no controls", "OwnershipControlsNotFoundError", 404, s3.get_bucket_ownership_controls, Bucket="logs")


buckets()
objects()
parts()
lists()
links()
access(strict.client("s3", aws_access_key_id=sys.argv[1], aws_secret_access_key=sys.argv[2]))
for page in s3.get_paginator("list_objects").paginate(Bucket="logs"):
    for o in page["Contents"]:
        s3.delete_object(Bucket="logs", Key=o["Key"])
s3.delete_bucket(Bucket="logs")
strict.done()
