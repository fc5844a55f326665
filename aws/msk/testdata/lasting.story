# Where things last as long as on AWS, reports before their time end nothing.
realistic
----
(things last)

create orders
----
created: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is CREATING, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
(nothing)

wait 10m
----
2026-11-24T09:10:01Z

active orders 10.0.0.1
----
activated: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE, 3 brokers, listeners [TLS]

update orders UpdateMonitoring "enhancedMonitoring":"PER_BROKER"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_MONITORING PENDING 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_CLUSTER_MONITORING UPDATE_IN_PROGRESS 0/1, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
(nothing)

wait 3m
----
2026-11-24T09:13:05Z

active orders 10.0.0.1
----
(nothing)

wait 1m
----
2026-11-24T09:14:06Z

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is ACTIVE UPDATE_CLUSTER_MONITORING UPDATE_COMPLETE 1/1, 3 brokers, listeners [TLS]

# The acts of an operation share its time.
update orders UpdateBrokerType "targetInstanceType":"kafka.m5.xlarge"
----
started: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_TYPE PENDING 0/4, 3 brokers, listeners [TLS]

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 0/4, 3 brokers, listeners [TLS]

wait 6m14s
----
2026-11-24T09:20:23Z

active orders 10.0.0.1
----
progressed: arn:aws:kafka:us-east-1:123456789012:cluster/orders/070e151c-232a-4138-bf46-4d545b626970-20 is UPDATING UPDATE_BROKER_TYPE UPDATE_IN_PROGRESS 1/4, 3 brokers, listeners [TLS]

wait 1s
----
2026-11-24T09:20:25Z

active orders 10.0.0.1
----
(nothing)
