"""Records requests that botocore signs: python botocore.py > botocore.jsonl

Each line is one request as bytes on the wire, in base64. The time is fixed, so
that the file is the same each time but for botocore's own changes.
"""
import base64
import datetime
import json
import random
import sys
from urllib.parse import quote, urlsplit

sys.path.pop(0)  # this file has the library's name

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW.replace(tzinfo=None) if remove_tzinfo else NOW

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ALPHABET = "abcXYZ019-_.~ /%+&=:é\"'*()!$,;@"
rng = random.Random(1)


def text(most):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randrange(most)))


def one(i):
    presigned = i % 4 == 3
    service = rng.choice(["kafka", "iam", "sts", "secretsmanager", "kafka-cluster"])
    credentials = Credentials(KEY, SECRET, "TOKEN/" + str(i) + "==" if i % 3 == 0 else None)
    # Never empty: botocore signs "//" as "/" and sends it as it is, which AWS's
    # other signers do not. No operation has such a path.
    path = "/v1/" + quote("k" + text(14), safe="") + "/x"
    pairs = [(text(4) + "k", text(9)) for _ in range(rng.randrange(5))]
    query = "&".join(quote(k, safe="") + "=" + quote(v, safe="") for k, v in pairs)
    method = "GET" if presigned else rng.choice(["GET", "POST", "PUT", "DELETE"])
    body = b"" if method in ("GET", "DELETE") else text(40).encode()
    headers = {"X-Amz-Target": "A.B", "Content-Type": "application/x-amz-json-1.1", "X-Amz-Meta": "a  b " + text(3).replace("é", "")}
    if presigned:
        headers = {}
    url = "https://" + service + ".us-east-1.amazonaws.com" + path + ("?" + query if query else "")
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    kind = botocore.auth.SigV4QueryAuth if presigned else botocore.auth.SigV4Auth
    signer = kind(credentials, service, "us-east-1", expires=900) if presigned else kind(credentials, service, "us-east-1")
    signer.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    lines = [method + " " + target + " HTTP/1.1", "Host: " + parts.netloc]
    for name, value in prepared.headers.items():
        if name.lower() in ("host", "content-length"):
            continue
        lines.append(name + ": " + (value.decode() if isinstance(value, bytes) else value))
    lines.append("Content-Length: " + str(len(body)))
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


print(json.dumps({"botocore": botocore.__version__}))
for i in range(400):
    print(json.dumps({"wire": base64.b64encode(one(i)).decode()}))
