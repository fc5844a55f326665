"""Holds what AWS clients of boto3 receive to the public models: no member that
the model does not know, none that it requires missing, values of enumerations,
timestamps of the protocol, errors that the operation may answer."""
import json
import re
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(retries={"max_attempts": 0}, parameter_validation=False)

# What the services really answer, and the models do not know.
BEYOND = {("NodeType", "CONTROLLER"), ("PermissionsBoundaryAttachmentType", "Policy"), ("AttachmentStatus", "available")}

# Errors of AWS's front door, which are in no model.
COMMON = {
    "AccessDenied", "AccessDeniedException", "InvalidSignatureException", "MissingAuthenticationTokenException",
    "NotImplementedException", "UnrecognizedClientException", "ValidationError", "ValidationException",
}

called = set()  # service:Operation
faults = []  # what was found wrong
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def client(service, **more):
    """A client whose answers are looked at."""
    c = boto3.client(service, config=CONFIG, **more)
    model = c.meta.service_model

    def received(response_dict, parsed_response, event_name, **_):
        if response_dict is None:
            return
        op = model.operation_model(event_name.rsplit(".", 1)[1])
        where = f"{service}:{op.name}"
        if response_dict["status_code"] >= 300:
            return error(where, op, parsed_response)
        called.add(where)
        if model.metadata["protocol"] in ("json", "rest-json"):
            body = response_dict["body"]
            if op.output_shape is None or not body:
                return
            value(where, op.output_shape, json.loads(body), model.metadata["protocol"])
        elif op.output_shape is not None:
            present(where, op.output_shape, parsed_response)

    c.meta.events.register("response-received", received)
    return c


def error(where, op, parsed):
    code = parsed.get("Error", {}).get("Code")
    modelled = {s.name for s in op.error_shapes} | {s.metadata.get("error", {}).get("code") for s in op.error_shapes}
    if modelled and code not in modelled and code not in COMMON and not where.startswith("s3:"):  # EC2 models none, S3 a few
        faults.append(f"{where}: the error {code} is none of {sorted(filter(None, modelled))}")
    if not parsed.get("Error", {}).get("Message"):
        faults.append(f"{where}: the error {code} says nothing")


def value(at, shape, v, protocol):
    kind = shape.type_name
    if kind == "structure":
        names = {m.serialization.get("name", n): (n, m) for n, m in shape.members.items() if "location" not in m.serialization}
        if not isinstance(v, dict):
            return faults.append(f"{at}: {v!r} is no {shape.name}")
        for name in v.keys() - names.keys():
            faults.append(f"{at}.{name} is not in the model")
        for n in shape.required_members:
            wire = shape.members[n].serialization.get("name", n)
            if v.get(wire) is None and "location" not in shape.members[n].serialization:
                faults.append(f"{at}.{wire} is required and missing")
        for name, (_, m) in names.items():
            if name in v:
                value(f"{at}.{name}", m, v[name], protocol)
    elif kind == "list" and isinstance(v, list):
        for i, e in enumerate(v):
            value(f"{at}[{i}]", shape.member, e, protocol)
    elif kind == "map" and isinstance(v, dict):
        for k, e in v.items():
            value(f"{at}[{k}]", shape.value, e, protocol)
    elif not scalar(shape, kind, v, protocol):
        faults.append(f"{at}: {v!r} is no {shape.name} ({kind})")


def scalar(shape, kind, v, protocol):
    if kind in ("string", "character"):
        return isinstance(v, str) and (not getattr(shape, "enum", None) or v in shape.enum or (shape.name, v) in BEYOND)
    if kind in ("integer", "long"):
        return isinstance(v, int) and not isinstance(v, bool)
    if kind in ("double", "float"):
        return isinstance(v, (int, float)) and not isinstance(v, bool)
    if kind == "boolean":
        return isinstance(v, bool)
    if kind == "timestamp":
        return isinstance(v, (int, float)) if protocol == "json" else isinstance(v, str) and bool(ISO.match(v))
    return kind == "blob" and isinstance(v, str)


def present(at, shape, v):
    """What of an answer in XML is left to look at when botocore has read it."""
    if shape.type_name == "structure":
        for n in shape.required_members:
            if n not in v:
                faults.append(f"{at}.{n} is required and missing")
        for n, m in shape.members.items():
            if n in v:
                present(f"{at}.{n}", m, v[n])
    elif shape.type_name == "list":
        for i, e in enumerate(v):
            present(f"{at}[{i}]", shape.member, e)
    elif shape.type_name == "string" and getattr(shape, "enum", None) and v not in shape.enum and (shape.name, v) not in BEYOND:
        faults.append(f"{at}: {v!r} is none of {shape.enum}")


def control(c):
    """What is wrong must be found: an answer of nobody's."""
    shape = c.meta.service_model.operation_model("DescribeClusterV2").output_shape
    answer = {"clusterInfo": {"state": "ASLEEP", "creationTime": "2026-11-24", "clusterName": 7, "color": "red", "tags": [],
                              "provisioned": {"brokerNodeGroupInfo": {}}}}
    value("control", shape, answer, "rest-json")
    found, faults[:] = len(faults), []
    check("faults of the control", found, 8)


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def refused(what, code, status, call, **args):
    """A call that must fail, with AWS's name of the error; answers its message."""
    try:
        got = call(**args)
    except ClientError as e:
        check(what, (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]), (code, status))
        return e.response["Error"]["Message"]
    sys.exit(f"{what}: accepted: {got}")


def unserved(c, service):
    """Every operation that was not called must say that it is not served."""
    model = c.meta.service_model
    for name in model.operation_names:
        op = model.operation_model(name)
        if f"{service}:{name}" in called:
            continue
        args = {n: "x" for n, m in op.input_shape.members.items() if m.serialization.get("location") == "uri"} if op.input_shape else {}
        python = next(p for p, o in c.meta.method_to_api_mapping.items() if o == name)
        try:
            getattr(c, python)(**args)
        except ClientError as e:
            if (e.response["Error"]["Code"], name in e.response["Error"]["Message"]) != ("NotImplementedException", True):
                faults.append(f"{service}:{name} is served, and nothing here calls it with success: {e}")
            continue
        faults.append(f"{service}:{name} is served, and nothing here calls it")


def done():
    if faults:
        sys.exit("\n".join(faults))
    print("ok:", len(called), "operations")
