# What everything else is in: names, the cluster, how processes find each other, and the logs.

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  tags = { Application = "tutti", Installation = var.name }
  # Roles find each other by names of Cloud Map, which stand for all healthy processes of a role.
  domain = "${var.name}.internal"
  peers  = { for role, _ in var.roles : role => "http://${role}.${local.domain}:8080" }
  image = merge(
    { for role, _ in var.roles : role => var.images.services },
    { gateway = var.images.gateway, transcode = var.images.transcode },
  )
  database_tls = var.database.ca_pem == "" ? "sslmode=require" : "sslmode=verify-full&sslrootcert=/run/tutti/rds.pem"

  config = <<-TOML
    [server]
    drain_notice_seconds = 10
    log_format = "json"

    [db]
    migrate_on_start = false
    url_file = "/run/tutti/database-url"

    [bus]
    password_file = "/run/tutti/bus-password"
    replicas = 3
    servers = ${jsonencode(var.bus_servers)}
    user = "tutti"

    [objects]
    bucket = "${aws_s3_bucket.objects.bucket}"
    region = "${data.aws_region.current.name}"

    [mail]
    engine = "smtp"
    from_address = "${var.mail.from_address}"
    smtp_host = "${var.mail.smtp_host}"
    smtp_password_file = "/run/tutti/smtp-password"
    smtp_username = "${var.mail.smtp_username}"

    [secrets]
    url_signing_key_file = "/run/tutti/url-signing.key"

    [gateway]
    public_url = "${var.site_url}"
    trusted_hops = 1

    [peers]
    ${join("\n", [for role, url in local.peers : "${role} = \"${url}\""])}

    ${var.extra_config}
  TOML
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
  tags = local.tags
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name = local.domain
  vpc  = var.vpc_id
  tags = local.tags
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}/tutti"
  retention_in_days = var.log_days
  kms_key_id        = aws_kms_key.this.arn
  tags              = local.tags
}

resource "aws_kms_key" "this" {
  description         = "${var.name}: rows, objects, secrets and logs"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
  tags                = local.tags
}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_region.current.name}.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values = [
        "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:log-group:/${var.name}/tutti"
      ]
    }
  }
}
