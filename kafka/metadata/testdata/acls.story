# ACLs: what may be created, what filters select, and how they are judged.
params super.users=User:root;User:admin
----
ok

allow User:a READ TOPIC LITERAL t1
----
ok
event acl/{"type":2,"pattern":3,"name":"t1","principal":"User:a","host":"*","operation":3,"permission":3}

allow User:a READ TOPIC LITERAL t1
----
ok

deny User:b READ TOPIC PREFIXED t 1.2.3.4
----
ok
event acl/{"type":2,"pattern":4,"name":"t","principal":"User:b","host":"1.2.3.4","operation":3,"permission":2}

allow User:* ALL TOPIC LITERAL *
----
ok
event acl/{"type":2,"pattern":3,"name":"*","principal":"User:*","host":"*","operation":2,"permission":3}

allow User:a IDEMPOTENT_WRITE GROUP PREFIXED g
----
ok
event acl/{"type":3,"pattern":4,"name":"g","principal":"User:a","host":"*","operation":12,"permission":3}

allow User:a DESCRIBE CLUSTER LITERAL kafka-cluster
----
ok
event acl/{"type":4,"pattern":3,"name":"kafka-cluster","principal":"User:a","host":"*","operation":8,"permission":3}

allow User:a CREATE_TOKENS USER LITERAL User:x
----
ok
event acl/{"type":7,"pattern":3,"name":"User:x","principal":"User:a","host":"*","operation":13,"permission":3}

# Refused.
allow User:a READ TOPIC LITERAL ''
----
INVALID_REQUEST: Invalid empty resource name

allow User:a READ CLUSTER LITERAL other
----
INVALID_REQUEST: The only valid name for the CLUSTER resource is kafka-cluster

allow nocolon READ TOPIC LITERAL t
----
INVALID_REQUEST: Could not parse principal from `nocolon` (no colon is present separating the principal type from the principal name)

allow User:a READ ANY LITERAL t
----
INVALID_REQUEST: Invalid resourceType ANY

allow User:a READ TOPIC MATCH t
----
INVALID_REQUEST: Invalid patternType MATCH

allow User:a ANY TOPIC LITERAL t
----
INVALID_REQUEST: Invalid operation ANY

# Filters.
acls
----
TOPIC LITERAL *: ALLOW User:* ALL from *
TOPIC PREFIXED t: DENY User:b READ from 1.2.3.4
TOPIC LITERAL t1: ALLOW User:a READ from *
GROUP PREFIXED g: ALLOW User:a IDEMPOTENT_WRITE from *
CLUSTER LITERAL kafka-cluster: ALLOW User:a DESCRIBE from *
USER LITERAL User:x: ALLOW User:a CREATE_TOKENS from *

acls type=TOPIC pattern=MATCH name=t1
----
TOPIC LITERAL *: ALLOW User:* ALL from *
TOPIC PREFIXED t: DENY User:b READ from 1.2.3.4
TOPIC LITERAL t1: ALLOW User:a READ from *

acls type=TOPIC pattern=LITERAL name=t1
----
TOPIC LITERAL t1: ALLOW User:a READ from *

acls type=TOPIC pattern=PREFIXED name=t
----
TOPIC PREFIXED t: DENY User:b READ from 1.2.3.4

acls type=TOPIC name=t
----
TOPIC PREFIXED t: DENY User:b READ from 1.2.3.4

acls type=TOPIC pattern=MATCH name=*
----
TOPIC LITERAL *: ALLOW User:* ALL from *

acls type=TOPIC pattern=LITERAL
----
TOPIC LITERAL *: ALLOW User:* ALL from *
TOPIC LITERAL t1: ALLOW User:a READ from *

acls principal=User:a
----
TOPIC LITERAL t1: ALLOW User:a READ from *
GROUP PREFIXED g: ALLOW User:a IDEMPOTENT_WRITE from *
CLUSTER LITERAL kafka-cluster: ALLOW User:a DESCRIBE from *
USER LITERAL User:x: ALLOW User:a CREATE_TOKENS from *

acls host=1.2.3.4
----
TOPIC PREFIXED t: DENY User:b READ from 1.2.3.4

acls op=ALL
----
TOPIC LITERAL *: ALLOW User:* ALL from *

acls permission=DENY
----
TOPIC PREFIXED t: DENY User:b READ from 1.2.3.4

acls pattern=LITERAL name=nothing
----
(nothing)

unallow type=TOPIC pattern=MATCH name=t1 principal=User:b
----
ok, 1 selected
event -acl/{"type":2,"pattern":4,"name":"t","principal":"User:b","host":"1.2.3.4","operation":3,"permission":2}

unallow type=TOPIC pattern=MATCH name=t1 principal=User:b
----
ok, 0 selected

unallow
----
ok, 5 selected
event -acl/{"type":2,"pattern":3,"name":"*","principal":"User:*","host":"*","operation":2,"permission":3}
event -acl/{"type":2,"pattern":3,"name":"t1","principal":"User:a","host":"*","operation":3,"permission":3}
event -acl/{"type":3,"pattern":4,"name":"g","principal":"User:a","host":"*","operation":12,"permission":3}
event -acl/{"type":4,"pattern":3,"name":"kafka-cluster","principal":"User:a","host":"*","operation":8,"permission":3}
event -acl/{"type":7,"pattern":3,"name":"User:x","principal":"User:a","host":"*","operation":13,"permission":3}

acls
----
(nothing)

# Nothing is allowed without a rule, but to super users.
may User:a READ TOPIC t
----
false

may User:root ALTER CLUSTER kafka-cluster
----
true

may User:admin READ TOPIC t
----
true

# A rule that denies wins over all that allow; hosts and principals must fit.
allow User:a WRITE TOPIC PREFIXED app-
----
ok
event acl/{"type":2,"pattern":4,"name":"app-","principal":"User:a","host":"*","operation":4,"permission":3}

deny User:a WRITE TOPIC LITERAL app-secret
----
ok
event acl/{"type":2,"pattern":3,"name":"app-secret","principal":"User:a","host":"*","operation":4,"permission":2}

deny User:* ALL TOPIC PREFIXED app-x 10.9.9.9
----
ok
event acl/{"type":2,"pattern":4,"name":"app-x","principal":"User:*","host":"10.9.9.9","operation":2,"permission":2}

may User:a WRITE TOPIC app-1
----
true

may User:b WRITE TOPIC app-1
----
false

may User:a WRITE TOPIC app
----
false

may User:a WRITE TOPIC app-secret
----
false

may User:a READ TOPIC app-1
----
false

may User:a WRITE TOPIC app-x1
----
true

may User:a WRITE TOPIC app-x1 10.9.9.9
----
false

# READ, WRITE, DELETE and ALTER imply DESCRIBE, ALTER_CONFIGS implies
# DESCRIBE_CONFIGS; to deny one does not deny what it implies.
may User:a DESCRIBE TOPIC app-1
----
true

may User:a DESCRIBE TOPIC app-secret
----
true

allow User:c ALTER_CONFIGS TOPIC LITERAL t
----
ok
event acl/{"type":2,"pattern":3,"name":"t","principal":"User:c","host":"*","operation":11,"permission":3}

may User:c DESCRIBE_CONFIGS TOPIC t
----
true

may User:c DESCRIBE TOPIC t
----
false

allow User:d CREATE TOPIC LITERAL *
----
ok
event acl/{"type":2,"pattern":3,"name":"*","principal":"User:d","host":"*","operation":5,"permission":3}

may User:d CREATE TOPIC whatever
----
true

may User:d DESCRIBE TOPIC whatever
----
false

# Somewhere: some resource of the type.
may User:a WRITE TOPIC ANYWHERE
----
true

may User:b WRITE TOPIC ANYWHERE
----
false

may User:c ALTER_CONFIGS TOPIC ANYWHERE
----
true

deny User:a WRITE TOPIC PREFIXED app
----
ok
event acl/{"type":2,"pattern":4,"name":"app","principal":"User:a","host":"*","operation":4,"permission":2}

may User:a WRITE TOPIC ANYWHERE
----
false

may User:d CREATE TOPIC ANYWHERE
----
true

deny User:d CREATE TOPIC LITERAL *
----
ok
event acl/{"type":2,"pattern":3,"name":"*","principal":"User:d","host":"*","operation":5,"permission":2}

may User:d CREATE TOPIC ANYWHERE
----
false

# allow.everyone.if.no.acl.found is about resources without any ACL.
params allow.everyone.if.no.acl.found=true
----
ok

may User:a READ TOPIC t
----
true

allow User:b READ TOPIC LITERAL t
----
ok
event acl/{"type":2,"pattern":3,"name":"t","principal":"User:b","host":"*","operation":3,"permission":3}

may User:a READ TOPIC t
----
false

may User:b READ TOPIC t
----
true

may User:a READ TOPIC t2
----
true

may User:a WRITE TOPIC ANYWHERE
----
true
