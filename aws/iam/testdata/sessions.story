# A role is assumed, narrowed, outlived and deleted.
user alice
role app arn:aws:iam::000000000000:user/alice
rolepolicy app allow kafka-cluster:* on *
assume one alice app
----
arn:aws:sts::000000000000:assumed-role/app/one

ask one kafka-cluster:WriteData topic/orders
----
allowed: identity-based policy role/app/own, statement 1: Allow

assume two alice app allow kafka-cluster:Read* on *
----
arn:aws:sts::000000000000:assumed-role/app/two

ask two kafka-cluster:ReadData topic/orders
----
allowed: identity-based policy role/app/own, statement 1: Allow

ask two kafka-cluster:WriteData topic/orders
----
denied: no session policy allows the kafka-cluster:WriteData action

# a trust policy that names the role suffices; its own policy need not allow
role next arn:aws:iam::000000000000:role/app
rolepolicy next allow kafka-cluster:ReadData on *
assume three one next
----
arn:aws:sts::000000000000:assumed-role/next/three

ask three kafka-cluster:WriteData topic/orders
----
denied: no identity-based policy allows the kafka-cluster:WriteData action

assume four alice next
----
AccessDeniedException: User: arn:aws:iam::000000000000:user/alice is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/next

pass 59m59s
ask one kafka-cluster:WriteData topic/orders
----
allowed: identity-based policy role/app/own, statement 1: Allow

pass 1s
ask one kafka-cluster:WriteData topic/orders
----
denied: its credentials have expired

assume five alice app
delete-role app
ask five kafka-cluster:WriteData topic/orders
----
denied: its role does not exist any more

role app arn:aws:iam::000000000000:user/alice
rolepolicy app allow kafka-cluster:* on *
ask five kafka-cluster:WriteData topic/orders
----
denied: its role does not exist any more
