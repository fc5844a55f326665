# What stands around a cluster: buckets and objects, parameters, an authority that
# waits for its certificate, and storage that grows.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  s3_use_path_style = true
}

variable "level" {
  type    = string
  default = "debug"
}

resource "aws_s3_bucket" "plugins" {
  bucket = "plugins-of-a-stack"
  tags   = { team = "data" }
}

resource "aws_s3_bucket_policy" "plugins" {
  bucket = aws_s3_bucket.plugins.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "delivery.logs.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.plugins.arn}/*"
    }]
  })
}

resource "aws_s3_bucket_server_side_encryption_configuration" "plugins" {
  bucket = aws_s3_bucket.plugins.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "plugins" {
  bucket = aws_s3_bucket.plugins.id
  rule {
    object_ownership = var.level == "debug" ? "BucketOwnerPreferred" : "ObjectWriter"
  }
}

resource "aws_s3_bucket_acl" "plugins" {
  bucket     = aws_s3_bucket.plugins.id
  acl        = var.level == "debug" ? "private" : "log-delivery-write"
  depends_on = [aws_s3_bucket_ownership_controls.plugins]
}

resource "aws_s3_bucket_public_access_block" "plugins" {
  bucket                  = aws_s3_bucket.plugins.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = var.level == "debug"
}

resource "aws_acmpca_certificate_authority" "clients" {
  permanent_deletion_time_in_days = 7
  certificate_authority_configuration {
    key_algorithm     = "EC_prime256v1"
    signing_algorithm = "SHA256WITHECDSA"
    subject {
      common_name = "clients of orders"
    }
  }
}

resource "aws_s3_object" "plugin" {
  bucket  = aws_s3_bucket.plugins.id
  key     = "connect/plugin.zip"
  content = "level=${var.level}"
  tags    = { kind = "plugin" }
}

resource "aws_ssm_parameter" "level" {
  name  = "/stack/level"
  type  = "String"
  value = var.level
  tags  = { team = "data" }
}

resource "aws_ssm_parameter" "password" {
  name  = "/stack/password"
  type  = "SecureString"
  value = "correct horse"
}

data "aws_ssm_parameter" "password" {
  name = aws_ssm_parameter.password.name
}

output "password" {
  value     = data.aws_ssm_parameter.password.value
  sensitive = true
}

variable "subnets" {
  type = string
}

variable "group" {
  type = string
}

resource "aws_msk_cluster" "orders" {
  cluster_name           = "orders"
  kafka_version          = "3.9.x"
  number_of_broker_nodes = 3
  broker_node_group_info {
    instance_type   = "kafka.m5.large"
    client_subnets  = split(",", var.subnets)
    security_groups = [var.group]
    storage_info {
      ebs_storage_info {
        volume_size = 100
      }
    }
  }
  client_authentication {
    sasl {
      iam = true
    }
  }
}

resource "aws_appautoscaling_target" "storage" {
  service_namespace  = "kafka"
  scalable_dimension = "kafka:broker-storage:VolumeSize"
  resource_id        = aws_msk_cluster.orders.arn
  min_capacity       = 1
  max_capacity       = 800
  tags               = { team = "data" }
}

resource "aws_appautoscaling_policy" "storage" {
  name               = "storage"
  service_namespace  = aws_appautoscaling_target.storage.service_namespace
  scalable_dimension = aws_appautoscaling_target.storage.scalable_dimension
  resource_id        = aws_appautoscaling_target.storage.resource_id
  policy_type        = "TargetTrackingScaling"
  target_tracking_scaling_policy_configuration {
    target_value = 55
    predefined_metric_specification {
      predefined_metric_type = "KafkaBrokerStorageUtilization"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "disk" {
  alarm_name          = "orders-disk"
  alarm_description   = "Brokers' volumes, log level ${var.level}"
  namespace           = "AWS/Kafka"
  metric_name         = "KafkaDataLogsDiskUsed"
  dimensions          = { "Cluster Name" = aws_msk_cluster.orders.cluster_name, "Broker ID" = "1" }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  threshold           = var.level == "info" ? 85 : 80
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = ["arn:aws:sns:us-east-1:000000000000:pager"]
  tags                = { level = var.level }
}

resource "aws_cloudwatch_metric_alarm" "traffic" {
  alarm_name          = "orders-traffic"
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 1000000
  comparison_operator = "GreaterThanThreshold"
  metric_query {
    id          = "all"
    expression  = "in1 + in2"
    label       = "Bytes in"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = ["1", "2"]
    content {
      id = "in${metric_query.value}"
      metric {
        namespace   = "AWS/Kafka"
        metric_name = "BytesInPerSec"
        dimensions  = { "Cluster Name" = aws_msk_cluster.orders.cluster_name, "Broker ID" = metric_query.value }
        period      = 60
        stat        = "Average"
      }
    }
  }
}
