# A whole stack around a cluster, each setting of which can be changed in place.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "brokers" {
  default = 3
}

variable "type" {
  default = "kafka.m5.large"
}

variable "volume" {
  default = 100
}

variable "kafka_version" {
  default = "3.8.x"
}

variable "monitoring" {
  default = "DEFAULT"
}

variable "exporters" {
  default = false
}

variable "broker_logs" {
  default = true
}

variable "client_broker" {
  default = "TLS"
}

variable "unauthenticated" {
  default = false
}

variable "public" {
  default = false
}

variable "private_link" {
  type    = bool
  default = null
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

# The network.

resource "aws_vpc" "main" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "main", team = var.team }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table" "main" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_subnet" "main" {
  count             = 3
  vpc_id            = aws_vpc.main.id
  availability_zone = data.aws_availability_zones.here.names[count.index]
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  tags              = { Name = "main-${count.index}" }
}

resource "aws_route_table_association" "main" {
  count          = 3
  subnet_id      = aws_subnet.main[count.index].id
  route_table_id = aws_route_table.main.id
}

resource "aws_security_group" "brokers" {
  name        = "brokers"
  description = "Clients of the brokers"
  vpc_id      = aws_vpc.main.id
  ingress {
    from_port   = 9092
    to_port     = 9098
    protocol    = "tcp"
    cidr_blocks = [aws_vpc.main.cidr_block]
  }
  ingress {
    from_port   = 11001
    to_port     = 11002
    protocol    = "tcp"
    cidr_blocks = [aws_vpc.main.cidr_block]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

# Where logs go, and the keys.

resource "aws_kms_key" "data" {
  description             = "Data of the cluster"
  deletion_window_in_days = 7
}

resource "aws_kms_key" "users" {
  description             = "Users of the cluster"
  deletion_window_in_days = 7
}

resource "aws_cloudwatch_log_group" "brokers" {
  name              = "/msk/orders"
  retention_in_days = 7
}

resource "aws_s3_bucket" "brokers" {
  bucket        = "orders-broker-logs"
  force_destroy = true
}

# The cluster.

resource "aws_msk_configuration" "orders" {
  name              = "orders"
  server_properties = "auto.create.topics.enable=true\nallow.everyone.if.no.acl.found=false\nlog.retention.hours=${var.hours}\n"
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_msk_cluster" "orders" {
  cluster_name           = "orders"
  kafka_version          = var.kafka_version
  number_of_broker_nodes = var.brokers
  enhanced_monitoring    = var.monitoring

  broker_node_group_info {
    instance_type   = var.type
    client_subnets  = aws_subnet.main[*].id
    security_groups = [aws_security_group.brokers.id]
    storage_info {
      ebs_storage_info {
        volume_size = var.volume
      }
    }
    connectivity_info {
      public_access {
        type = var.public ? "SERVICE_PROVIDED_EIPS" : "DISABLED"
      }
      dynamic "vpc_connectivity" {
        for_each = var.private_link == null ? [] : [var.private_link]
        content {
          client_authentication {
            sasl {
              iam = vpc_connectivity.value
            }
          }
        }
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.orders.arn
    revision = aws_msk_configuration.orders.latest_revision
  }

  client_authentication {
    unauthenticated = var.unauthenticated
    sasl {
      iam   = true
      scram = true
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = aws_kms_key.data.arn
    encryption_in_transit {
      client_broker = var.client_broker
    }
  }

  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = var.exporters
      }
      node_exporter {
        enabled_in_broker = var.exporters
      }
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = var.broker_logs
        log_group = aws_cloudwatch_log_group.brokers.name
      }
      s3 {
        enabled = var.broker_logs
        bucket  = aws_s3_bucket.brokers.id
        prefix  = "kafka/"
      }
    }
  }

  tags = { team = var.team }
}

# Who may come in.

resource "aws_secretsmanager_secret" "alice" {
  name                    = "AmazonMSK_alice"
  kms_key_id              = aws_kms_key.users.key_id
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "alice" {
  secret_id     = aws_secretsmanager_secret.alice.id
  secret_string = jsonencode({ username = "alice", password = "alice-secret" })
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
    Action = ["kafka:Describe*", "kafka:GetBootstrapBrokers", "kafka:CreateVpcConnection"], Resource = aws_msk_cluster.orders.arn
  }] })
}

# A client in a network of its own.

resource "aws_vpc" "client" {
  cidr_block = "10.30.0.0/16"
}

resource "aws_subnet" "client" {
  count             = 3
  vpc_id            = aws_vpc.client.id
  availability_zone = data.aws_availability_zones.here.names[count.index]
  cidr_block        = cidrsubnet(aws_vpc.client.cidr_block, 8, count.index)
}

resource "aws_security_group" "client" {
  vpc_id = aws_vpc.client.id
  ingress {
    from_port = 0
    to_port   = 0
    protocol  = "-1"
    self      = true
  }
}

resource "aws_msk_vpc_connection" "client" {
  count              = var.private_link == true ? 1 : 0
  target_cluster_arn = aws_msk_cluster.orders.arn
  authentication     = "SASL_IAM"
  vpc_id             = aws_vpc.client.id
  client_subnets     = aws_subnet.client[*].id
  security_groups    = [aws_security_group.client.id]
  tags               = { team = var.team }
}

# Another kind of cluster in the same network.

resource "aws_msk_serverless_cluster" "events" {
  cluster_name = "events"
  vpc_config {
    subnet_ids         = aws_subnet.main[*].id
    security_group_ids = [aws_security_group.brokers.id]
  }
  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
  tags = { team = var.team }
}

# Storage that grows by itself.

resource "aws_appautoscaling_target" "storage" {
  service_namespace  = "kafka"
  resource_id        = aws_msk_cluster.orders.arn
  scalable_dimension = "kafka:broker-storage:VolumeSize"
  min_capacity       = 1
  max_capacity       = 1000
}

resource "aws_appautoscaling_policy" "storage" {
  name               = "orders-storage"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.storage.service_namespace
  resource_id        = aws_appautoscaling_target.storage.resource_id
  scalable_dimension = aws_appautoscaling_target.storage.scalable_dimension
  target_tracking_scaling_policy_configuration {
    target_value     = 60
    disable_scale_in = true
    predefined_metric_specification {
      predefined_metric_type = "KafkaBrokerStorageUtilization"
    }
  }
}

resource "aws_ssm_parameter" "bootstrap" {
  name  = "/orders/bootstrap"
  type  = "String"
  value = aws_msk_cluster.orders.bootstrap_brokers_sasl_iam
}

output "arn" {
  value = aws_msk_cluster.orders.arn
}
