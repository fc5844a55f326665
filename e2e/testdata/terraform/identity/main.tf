terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "path" {
  default = "/apps/"
}

variable "team" {
  default = "payments"
}

variable "actions" {
  type    = list(string)
  default = ["kafka-cluster:Connect"]
}

provider "aws" {
  default_tags {
    tags = {
      origin = "terraform"
    }
  }
}

data "aws_caller_identity" "me" {}

data "aws_region" "here" {}

data "aws_partition" "this" {}

data "aws_iam_policy_document" "connect" {
  statement {
    actions   = var.actions
    resources = ["arn:${data.aws_partition.this.partition}:kafka:${data.aws_region.here.name}:${data.aws_caller_identity.me.account_id}:cluster/*"]
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.app.arn]
    }
  }
}

resource "aws_iam_policy" "connect" {
  name        = "connect"
  path        = var.path
  description = "Reaches the brokers"
  policy      = data.aws_iam_policy_document.connect.json
  tags        = { team = var.team }
}

resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["kafka-cluster:*", "sts:*"], Resource = "*" }] })
}

resource "aws_iam_user" "app" {
  name                 = "app"
  path                 = var.path
  permissions_boundary = aws_iam_policy.boundary.arn
  force_destroy        = true
  tags                 = { team = var.team }
}

resource "aws_iam_user_policy" "own" {
  name   = "own"
  user   = aws_iam_user.app.name
  policy = data.aws_iam_policy_document.connect.json
}

resource "aws_iam_user_policy_attachment" "connect" {
  user       = aws_iam_user.app.name
  policy_arn = aws_iam_policy.connect.arn
}

resource "aws_iam_access_key" "app" {
  user = aws_iam_user.app.name
}

resource "aws_iam_group" "apps" {
  name = "apps"
  path = var.path
}

resource "aws_iam_group_policy" "own" {
  name   = "own"
  group  = aws_iam_group.apps.name
  policy = data.aws_iam_policy_document.connect.json
}

resource "aws_iam_group_policy_attachment" "connect" {
  group      = aws_iam_group.apps.name
  policy_arn = aws_iam_policy.connect.arn
}

resource "aws_iam_group_membership" "apps" {
  name  = "apps"
  group = aws_iam_group.apps.name
  users = [aws_iam_user.app.name]
}

resource "aws_iam_group" "more" {
  name = "more"
}

resource "aws_iam_user_group_membership" "more" {
  user   = aws_iam_user.app.name
  groups = [aws_iam_group.more.name]
}

resource "aws_iam_role" "app" {
  name                 = "app"
  path                 = var.path
  description          = "Of ${var.team}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = aws_iam_policy.boundary.arn
  max_session_duration = 7200
  tags                 = { team = var.team }
}

resource "aws_iam_role_policy" "own" {
  name   = "own"
  role   = aws_iam_role.app.id
  policy = data.aws_iam_policy_document.connect.json
}

resource "aws_iam_role_policy_attachment" "connect" {
  role       = aws_iam_role.app.name
  policy_arn = aws_iam_policy.connect.arn
}

resource "aws_iam_role_policy_attachment" "managed" {
  role       = aws_iam_role.app.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonMSKReadOnlyAccess"
}

resource "aws_iam_instance_profile" "app" {
  name = "app"
  path = var.path
  role = aws_iam_role.app.name
  tags = { team = var.team }
}

resource "aws_iam_service_linked_role" "kafka" {
  aws_service_name = "kafka.amazonaws.com"
  description      = "Of ${var.team}"
}

data "aws_iam_user" "app" {
  user_name = aws_iam_user.app.name
}

data "aws_iam_role" "app" {
  name = aws_iam_role.app.name
}

output "access_key" {
  value = aws_iam_access_key.app.id
}

output "secret" {
  value     = aws_iam_access_key.app.secret
  sensitive = true
}

output "role" {
  value = data.aws_iam_role.app.arn
}
