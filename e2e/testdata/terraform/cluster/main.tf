terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "password" {
  sensitive = true
}

variable "monitoring" {
  default = "DEFAULT"
}

variable "volume" {
  default = 100
}

variable "hours" {
  default = 24
}

variable "team" {
  default = "payments"
}

provider "aws" {}

data "aws_caller_identity" "me" {}

data "aws_availability_zones" "here" {
  state = "available"
}

data "aws_vpc" "this" {
  default = true
}

data "aws_subnets" "this" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }
}

data "aws_subnet" "each" {
  for_each = toset(data.aws_subnets.this.ids)
  id       = each.value
}

data "aws_security_group" "this" {
  vpc_id = data.aws_vpc.this.id
  name   = "default"
}

resource "aws_kms_key" "users" {
  description             = "Users of the cluster"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  tags                    = { team = var.team }
}

resource "aws_kms_alias" "users" {
  name          = "alias/users"
  target_key_id = aws_kms_key.users.key_id
}

resource "aws_secretsmanager_secret" "alice" {
  name                    = "AmazonMSK_alice"
  description             = "alice of orders"
  kms_key_id              = aws_kms_key.users.key_id
  recovery_window_in_days = 0
  tags                    = { team = var.team }
}

resource "aws_secretsmanager_secret_version" "alice" {
  secret_id     = aws_secretsmanager_secret.alice.id
  secret_string = jsonencode({ username = "alice", password = var.password })
}

resource "aws_secretsmanager_secret_policy" "alice" {
  secret_arn = aws_secretsmanager_secret.alice.arn
  policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Sid    = "AWSKafkaResourcePolicy", Effect = "Allow", Principal = { Service = "kafka.amazonaws.com" }
    Action = "secretsmanager:getSecretValue", Resource = aws_secretsmanager_secret.alice.arn
  }] })
}

resource "aws_acmpca_certificate_authority" "root" {
  type                            = "ROOT"
  permanent_deletion_time_in_days = 7
  tags                            = { team = var.team }
  certificate_authority_configuration {
    key_algorithm     = "RSA_2048"
    signing_algorithm = "SHA256WITHRSA"
    subject {
      common_name  = "clients"
      organization = "Org"
      country      = "US"
    }
  }
}

resource "aws_acmpca_certificate" "root" {
  certificate_authority_arn   = aws_acmpca_certificate_authority.root.arn
  certificate_signing_request = aws_acmpca_certificate_authority.root.certificate_signing_request
  signing_algorithm           = "SHA256WITHRSA"
  template_arn                = "arn:aws:acm-pca:::template/RootCACertificate/V1"
  validity {
    type  = "YEARS"
    value = 10
  }
}

resource "aws_acmpca_certificate_authority_certificate" "root" {
  certificate_authority_arn = aws_acmpca_certificate_authority.root.arn
  certificate               = aws_acmpca_certificate.root.certificate
  certificate_chain         = aws_acmpca_certificate.root.certificate_chain
}

resource "aws_msk_configuration" "orders" {
  name              = "orders"
  kafka_versions    = ["3.9.x"]
  server_properties = "auto.create.topics.enable=true\nlog.retention.hours=${var.hours}\n"
}

resource "aws_msk_cluster" "orders" {
  cluster_name           = "orders"
  kafka_version          = "3.9.x"
  number_of_broker_nodes = 3
  enhanced_monitoring    = var.monitoring

  broker_node_group_info {
    instance_type   = "kafka.m5.large"
    client_subnets  = slice(sort(data.aws_subnets.this.ids), 0, 3)
    security_groups = [data.aws_security_group.this.id]
    storage_info {
      ebs_storage_info {
        volume_size = var.volume
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
    tls {
      certificate_authority_arns = [aws_acmpca_certificate_authority_certificate.root.certificate_authority_arn]
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = aws_kms_key.users.arn
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.brokers.name
      }
    }
  }

  tags = { team = var.team }
}

resource "aws_cloudwatch_log_group" "brokers" {
  name              = "/msk/orders"
  retention_in_days = var.volume == 100 ? 7 : 14
  tags              = { team = var.team }
}

resource "aws_cloudwatch_log_stream" "own" {
  name           = "own"
  log_group_name = aws_cloudwatch_log_group.brokers.name
}

resource "aws_cloudwatch_log_resource_policy" "delivery" {
  policy_name = "delivery"
  policy_document = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Principal = { Service = "delivery.logs.amazonaws.com" }
    Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.brokers.arn}:*"
  }] })
}

resource "aws_msk_scram_secret_association" "orders" {
  cluster_arn     = aws_msk_cluster.orders.arn
  secret_arn_list = [aws_secretsmanager_secret.alice.arn]
  depends_on      = [aws_secretsmanager_secret_version.alice]
}

resource "aws_msk_cluster_policy" "orders" {
  cluster_arn = aws_msk_cluster.orders.arn
  policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
    Action = ["kafka:Describe*", "kafka:GetBootstrapBrokers"], Resource = aws_msk_cluster.orders.arn
  }] })
}

data "aws_msk_cluster" "orders" {
  cluster_name = aws_msk_cluster.orders.cluster_name
}

data "aws_msk_bootstrap_brokers" "orders" {
  cluster_arn = aws_msk_cluster.orders.arn
}

data "aws_msk_broker_nodes" "orders" {
  cluster_arn = aws_msk_cluster.orders.arn
}

data "aws_msk_kafka_version" "this" {
  preferred_versions = ["3.9.x"]
}

output "scram" {
  value = aws_msk_cluster.orders.bootstrap_brokers_sasl_scram
}

output "nodes" {
  value = length(data.aws_msk_broker_nodes.orders.node_info_list)
}

resource "aws_msk_serverless_cluster" "less" {
  cluster_name = "less"
  vpc_config {
    subnet_ids         = data.aws_subnets.this.ids
    security_group_ids = [data.aws_security_group.this.id]
  }
  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
}
