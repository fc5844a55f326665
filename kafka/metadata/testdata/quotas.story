# Client quotas: users, client ids, both, and addresses; "*" is the default.
quota user=alice producer_byte_rate=1000 request_percentage=12.5
----
ok
event client-quota/user="alice"

quota user=alice consumer_byte_rate=2000 request_percentage=remove
----
ok
event client-quota/user="alice"

quota user=alice client-id=app producer_byte_rate=1
----
ok
event client-quota/user="alice",client-id="app"

quota user=alice client-id=* producer_byte_rate=2
----
ok
event client-quota/user="alice",client-id

quota user=* producer_byte_rate=3
----
ok
event client-quota/user

quota user=* client-id=app controller_mutation_rate=0.5
----
ok
event client-quota/user,client-id="app"

quota client-id=app producer_byte_rate=4
----
ok
event client-quota/client-id="app"

quota ip=10.0.0.1 connection_creation_rate=5
----
ok
event client-quota/ip="10.0.0.1"

quota ip=* connection_creation_rate=6
----
ok
event client-quota/ip

# An address is kept in one form.
quota ip=2001:DB8:0:0::1 connection_creation_rate=7
----
ok
event client-quota/ip="2001:db8::1"

# The same again changes nothing, nor does a try.
quota user=alice producer_byte_rate=1000
----
ok

quota user=bob producer_byte_rate=1000 validate
----
ok

quotas
----
client-id=app  producer_byte_rate=4
ip=*  connection_creation_rate=6
ip=10.0.0.1  connection_creation_rate=5
ip=2001:db8::1  connection_creation_rate=7
user=*  producer_byte_rate=3
user=* client-id=app  controller_mutation_rate=0.5
user=alice  consumer_byte_rate=2000 producer_byte_rate=1000
user=alice client-id=*  producer_byte_rate=2
user=alice client-id=app  producer_byte_rate=1

quotas user=alice
----
user=alice  consumer_byte_rate=2000 producer_byte_rate=1000
user=alice client-id=*  producer_byte_rate=2
user=alice client-id=app  producer_byte_rate=1

quotas user=alice strict
----
user=alice  consumer_byte_rate=2000 producer_byte_rate=1000

quotas user=* client-id=?
----
user=* client-id=app  controller_mutation_rate=0.5

quotas client-id=? strict
----
client-id=app  producer_byte_rate=4

quotas ip=?
----
ip=*  connection_creation_rate=6
ip=10.0.0.1  connection_creation_rate=5
ip=2001:db8::1  connection_creation_rate=7

quotas ip=10.0.0.1 strict
----
ip=10.0.0.1  connection_creation_rate=5

# What cannot be asked.
quotas ip=? user=?
----
INVALID_REQUEST: Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.

quotas group=a
----
UNSUPPORTED_VERSION: Unsupported entity type group

quotas =a
----
INVALID_REQUEST: Invalid empty entity type.

# What cannot be set.
quota user=alice producer_byte_rate=0
----
INVALID_REQUEST: Quota producer_byte_rate must be greater than 0

quota user=alice producer_byte_rate=-1
----
INVALID_REQUEST: Quota producer_byte_rate must be greater than 0

quota user=alice producer_byte_rate=1.5
----
INVALID_REQUEST: producer_byte_rate cannot be a fractional value.

quota user=alice producer_byte_rate=1e19
----
INVALID_REQUEST: Proposed value for producer_byte_rate is too large for a LONG.

quota user=alice consumer_byte_rate=99 connection_creation_rate=1
----
INVALID_REQUEST: Invalid configuration key connection_creation_rate

quota ip=10.0.0.1 producer_byte_rate=1
----
INVALID_REQUEST: Invalid configuration key producer_byte_rate

quota ip=10.0.0.1 connection_creation_rate=3000000000
----
INVALID_REQUEST: Proposed value for connection_creation_rate is too large for an INT.

quota ip=10.0.0.1 user=alice connection_creation_rate=1
----
INVALID_REQUEST: Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId

quota ip=nowhere.example connection_creation_rate=1
----
INVALID_REQUEST: nowhere.example is not a valid IP or resolvable host.

quota group=g producer_byte_rate=1
----
INVALID_REQUEST: Unhandled client quota entity type: group

quota user= producer_byte_rate=1
----
INVALID_REQUEST: Empty user not supported

quota producer_byte_rate=1
----
INVALID_REQUEST: Invalid empty client quota entity

quota user=alice some_rate=1
----
INVALID_REQUEST: Invalid configuration key some_rate

quota user=alice producer_byte_rate=5 again
----
INVALID_REQUEST: Ignoring duplicate entity ClientQuotaEntity(entries={user=alice})

# Of an entity that is sent twice the first is done, and the error is for it.
quota user=carol producer_byte_rate=5 twice
----
INVALID_REQUEST: Ignoring duplicate entity ClientQuotaEntity(entries={user=carol})
event client-quota/user="carol"

quotas user=carol
----
user=carol  producer_byte_rate=5

# Removing what is not there is no error; the last one removes the entity.
quota user=carol consumer_byte_rate=remove
----
ok

quota user=carol producer_byte_rate=remove validate
----
ok

quota user=carol producer_byte_rate=remove
----
ok
event -client-quota/user="carol"

quotas user=carol
----
(nothing)

quota ip=10.0.0.1 connection_creation_rate=remove
----
ok
event -client-quota/ip="10.0.0.1"

quotas ip=?
----
ip=*  connection_creation_rate=6
ip=2001:db8::1  connection_creation_rate=7
