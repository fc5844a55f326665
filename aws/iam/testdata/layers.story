# A user's own policy, a group's, a boundary, and a deny that wins over all.
user alice
----
done

ask alice kafka-cluster:ReadData topic/orders
----
denied: no identity-based policy allows the kafka-cluster:ReadData action

policy alice allow kafka-cluster:ReadData on topic/orders
ask alice kafka-cluster:ReadData topic/orders
----
allowed: identity-based policy user/alice/own, statement 1: Allow

ask alice kafka-cluster:WriteData topic/orders
----
denied: no identity-based policy allows the kafka-cluster:WriteData action

group writers alice allow kafka-cluster:WriteData on topic/*
ask alice kafka-cluster:WriteData topic/orders
----
allowed: identity-based policy group/writers/own, statement 1: Allow

boundary alice allow kafka-cluster:Read* on *
ask alice kafka-cluster:WriteData topic/orders
----
denied: no permissions boundary allows the kafka-cluster:WriteData action

ask alice kafka-cluster:ReadData topic/orders
----
allowed: identity-based policy user/alice/own, statement 1: Allow

policy alice allow kafka-cluster:* on *; deny kafka-cluster:ReadData on topic/secret
ask alice kafka-cluster:ReadData topic/secret
----
denied: identity-based policy user/alice/own, statement 2: Deny

explain arn:aws:iam::000000000000:user/alice kafka-cluster:WriteData topic/orders
----
no permissions boundary allows the kafka-cluster:WriteData action
  identity-based policy user/alice/own, statement 1: Allow
  identity-based policy user/alice/own, statement 2: does not apply: kafka-cluster:WriteData is not in Action [kafka-cluster:ReadData]
  identity-based policy group/writers/own, statement 1: Allow
  permissions boundary arn:aws:iam::000000000000:policy/limit-of-alice, statement 1: does not apply: kafka-cluster:WriteData is not in Action [kafka-cluster:Read*]

explain arn:aws:iam::000000000000:user/nobody kafka-cluster:WriteData topic/orders
----
NoSuchEntity: No user, role, session or root has the ARN arn:aws:iam::000000000000:user/nobody.
