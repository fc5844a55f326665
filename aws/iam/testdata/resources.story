# The resource's own policy and tags, within an account and across.
user alice allow kafka:Describe* on cluster if StringEquals aws:ResourceTag/team=blue
ask alice kafka:DescribeCluster cluster
----
denied: no identity-based policy allows the kafka:DescribeCluster action

tag cluster team=red
ask alice kafka:DescribeCluster cluster
----
denied: no identity-based policy allows the kafka:DescribeCluster action

tag cluster team=blue
ask alice kafka:DescribeCluster cluster
----
allowed: identity-based policy user/alice/own, statement 1: Allow

# the resource's policy names her: her own need not allow
own cluster arn:aws:iam::000000000000:user/alice kafka:DeleteCluster
ask alice kafka:DeleteCluster cluster
----
allowed: resource-based policy policy of cluster, statement 1: Allow

account 111122223333
ask 111122223333 kafka:DeleteCluster cluster
----
denied: no resource-based policy allows the kafka:DeleteCluster action

own cluster 111122223333 kafka:DeleteCluster
ask 111122223333 kafka:DeleteCluster cluster
----
allowed: resource-based policy policy of cluster, statement 1: Allow

# it gives nothing to the account's own users
ask alice kafka:DeleteCluster cluster
----
denied: no identity-based policy allows the kafka:DeleteCluster action

account 12
----
error: an account is named by twelve digits
