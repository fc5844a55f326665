# Tags are merged and dropped.
create c
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

tag c team=data
----
retagged: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING tags map[team:data], 3 brokers, listeners [TLS]

tag c team=platform
----
retagged: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING tags map[team:platform], 3 brokers, listeners [TLS]

tag c aws:x=1
----
400 BadRequestException [tags] The tag key 'aws:x' is not valid: keys that begin with aws: are reserved.

tag c bad!=1
----
400 BadRequestException [tags] The tag key 'bad!' is not valid: it has 1 to 128 letters, digits, spaces and _ . : / = + - @.

untag c team
----
retagged: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

untag c team
----
retagged: arn:aws:kafka:us-east-1:123456789012:cluster/c/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]
