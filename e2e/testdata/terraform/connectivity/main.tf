terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "public" {
  default = "DISABLED"
}

variable "passwords" {
  default = false
}

variable "connected" {
  default = true
}

provider "aws" {}

data "aws_caller_identity" "me" {}

data "aws_vpc" "this" {
  default = true
}

data "aws_subnets" "this" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }
}

data "aws_security_group" "this" {
  vpc_id = data.aws_vpc.this.id
  name   = "default"
}

resource "aws_msk_configuration" "orders" {
  name              = "closed"
  kafka_versions    = ["3.9.x.kraft"]
  server_properties = "allow.everyone.if.no.acl.found=false\n"
}

resource "aws_msk_cluster" "orders" {
  cluster_name           = "orders"
  kafka_version          = "3.9.x.kraft"
  number_of_broker_nodes = 3

  broker_node_group_info {
    instance_type   = "kafka.m5.large"
    client_subnets  = slice(sort(data.aws_subnets.this.ids), 0, 3)
    security_groups = [data.aws_security_group.this.id]
    storage_info {
      ebs_storage_info {
        volume_size = 100
      }
    }
    connectivity_info {
      public_access {
        type = var.public
      }
      vpc_connectivity {
        client_authentication {
          sasl {
            iam   = true
            scram = var.passwords
          }
          tls = false
        }
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.orders.arn
    revision = aws_msk_configuration.orders.latest_revision
  }

  client_authentication {
    sasl {
      iam   = true
      scram = true
    }
  }
}

resource "aws_msk_cluster_policy" "orders" {
  cluster_arn = aws_msk_cluster.orders.arn
  policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
    Action = ["kafka:CreateVpcConnection", "kafka:GetBootstrapBrokers"], Resource = aws_msk_cluster.orders.arn
  }] })
}

resource "aws_msk_vpc_connection" "orders" {
  count              = var.connected ? 1 : 0
  authentication     = "SASL_IAM"
  target_cluster_arn = aws_msk_cluster.orders.arn
  vpc_id             = data.aws_vpc.this.id
  client_subnets     = aws_msk_cluster.orders.broker_node_group_info[0].client_subnets
  security_groups    = [data.aws_security_group.this.id]
  tags               = { team = "risk" }
}
