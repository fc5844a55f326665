terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "clients" {
  default = "10.20.0.0/16"
}

variable "team" {
  default = "payments"
}

provider "aws" {
  default_tags {
    tags = {
      Team = var.team
    }
  }
}

data "aws_availability_zones" "here" {
  state = "available"
}

data "aws_region" "here" {}

resource "aws_vpc" "this" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "msk" }

  assign_generated_ipv6_cidr_block = true
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  availability_zone = data.aws_availability_zones.here.names[count.index]
  tags              = { Name = "private-${count.index}" }
}

resource "aws_subnet" "public" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.20.16.0/24"

  ipv6_cidr_block                 = cidrsubnet(aws_vpc.this.ipv6_cidr_block, 8, 1)
  assign_ipv6_address_on_creation = true
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_eip" "nat" {
  domain = "vpc"
}

resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public.id
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
  route {
    ipv6_cidr_block = "::/0"
    gateway_id      = aws_internet_gateway.this.id
  }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route" "out" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this.id
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_main_route_table_association" "this" {
  vpc_id         = aws_vpc.this.id
  route_table_id = aws_route_table.private.id
}

resource "aws_default_security_group" "none" {
  vpc_id = aws_vpc.this.id
}

resource "aws_security_group" "apps" {
  name_prefix = "apps-"
  description = "what connects to Kafka"
  vpc_id      = aws_vpc.this.id
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "brokers" {
  name   = "brokers"
  vpc_id = aws_vpc.this.id
  tags   = { Name = "brokers" }
  ingress {
    description     = "IAM"
    from_port       = 9098
    to_port         = 9098
    protocol        = "tcp"
    cidr_blocks     = [var.clients, "192.0.2.0/24"]
    security_groups = [aws_security_group.apps.id]
    self            = true
  }
  ingress {
    description      = "TLS"
    from_port        = 9094
    to_port          = 9094
    protocol         = "tcp"
    ipv6_cidr_blocks = ["2001:db8::/32"]
  }
}

resource "aws_security_group" "ruled" {
  name   = "ruled"
  vpc_id = aws_vpc.this.id
}

resource "aws_security_group_rule" "scram" {
  type              = "ingress"
  security_group_id = aws_security_group.ruled.id
  description       = "for ${var.team}"
  from_port         = 9096
  to_port           = 9096
  protocol          = "tcp"
  cidr_blocks       = [aws_vpc.this.cidr_block, "192.0.2.0/24"]
}

resource "aws_vpc_security_group_ingress_rule" "iam" {
  security_group_id            = aws_security_group.ruled.id
  description                  = "for ${var.team}"
  from_port                    = 9098
  to_port                      = 9098
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.apps.id
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  security_group_id = aws_security_group.ruled.id
  ip_protocol       = "-1"
  cidr_ipv4         = var.clients
}

resource "aws_vpc_security_group_ingress_rule" "network" {
  security_group_id = aws_security_group.ruled.id
  from_port         = 9098
  to_port           = 9098
  ip_protocol       = "tcp"
  cidr_ipv6         = aws_vpc.this.ipv6_cidr_block
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.ruled.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_default_vpc" "default" {}

data "aws_vpc" "named" {
  filter {
    name   = "tag:Name"
    values = ["msk"]
  }
  depends_on = [aws_vpc.this]
}

data "aws_subnets" "private" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.this.id]
  }
  tags = { Name = "private-*" }

  depends_on = [aws_subnet.private]
}

data "aws_subnet" "first" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.20.0.0/24"
  depends_on = [aws_subnet.private]
}

data "aws_security_group" "brokers" {
  name       = "brokers"
  vpc_id     = aws_vpc.this.id
  depends_on = [aws_security_group.brokers]
}

resource "aws_msk_serverless_cluster" "this" {
  cluster_name = "orders"
  vpc_config {
    subnet_ids         = data.aws_subnets.private.ids
    security_group_ids = [data.aws_security_group.brokers.id]
  }
  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
  lifecycle {
    ignore_changes = [vpc_config]
  }
}

output "group" {
  value = aws_security_group.brokers.id
}

output "subnet" {
  value = data.aws_subnet.first.id
}

output "seen" {
  value = join(" ", [data.aws_vpc.named.cidr_block, length(data.aws_subnets.private.ids), data.aws_subnet.first.availability_zone, aws_nat_gateway.this.public_ip == aws_eip.nat.public_ip])
}
