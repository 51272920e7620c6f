# A service for each role, one task definition per role from task-definition.json, and the tasks that end: migrations and timed runs.

locals {
  of_all = {
    files_image         = var.files_image
    config_base64       = base64encode(local.config)
    database_ca_base64  = base64encode(var.database.ca_pem)
    database_host       = aws_db_instance.this.endpoint
    database_tls        = local.database_tls
    database_secret_arn = aws_db_instance.this.master_user_secret[0].secret_arn
    url_signing_key_arn = aws_secretsmanager_secret.url_signing_key.arn
    bus_password_arn    = var.bus_password_secret_arn
    smtp_password_arn   = var.mail.password_secret_arn
    log_group           = aws_cloudwatch_log_group.this.name
    region              = data.aws_region.current.name
  }
  volumes = ["files", "data", "tmp"]
}

resource "aws_ecs_task_definition" "role" {
  for_each                 = var.roles
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions = templatefile("${path.module}/task-definition.json", merge(local.of_all, {
    image          = local.image[each.key]
    arguments_json = jsonencode(["serve", each.key])
    # A chunk of a conversion may finish; Fargate waits two minutes at most.
    drain_seconds = each.key == "transcode" ? 100 : 30
    stop_seconds  = each.key == "transcode" ? 120 : 45
  }))
  ephemeral_storage {
    size_in_gib = each.value.disk
  }
  dynamic "volume" {
    for_each = local.volumes
    content {
      name = volume.value
    }
  }
  tags = local.tags
}

resource "aws_service_discovery_service" "role" {
  for_each = var.roles
  name     = each.key
  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"
    dns_records {
      type = "A"
      ttl  = 5
    }
  }
  tags = local.tags
}

resource "aws_ecs_service" "role" {
  for_each                           = var.roles
  name                               = each.key
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.role[each.key].arn
  desired_count                      = each.value.min
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = each.key == "gateway" ? 120 : null
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  # A release whose processes end or are not healthy goes back by itself.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  network_configuration {
    subnets          = var.private_subnet_ids
    security_groups  = [aws_security_group.processes.id]
    assign_public_ip = false
  }
  service_registries {
    registry_arn = aws_service_discovery_service.role[each.key].arn
  }
  dynamic "load_balancer" {
    for_each = each.key == "gateway" ? [1] : []
    content {
      target_group_arn = aws_lb_target_group.gateway.arn
      container_name   = "tutti"
      container_port   = 8080
    }
  }
  lifecycle {
    # Autoscaling decides.
    ignore_changes = [desired_count]
  }
  tags       = local.tags
  depends_on = [aws_lb_listener.https]
}

# `tutti migrate`, once per release, before its first process starts: see README.md.
resource "aws_ecs_task_definition" "command" {
  for_each                 = merge({ migrate = { arguments = ["migrate"] } }, var.timed)
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions = templatefile("${path.module}/task-definition.json", merge(local.of_all, {
    image          = coalesce(try(each.value.image, null), var.images.cron)
    arguments_json = jsonencode(each.value.arguments)
    drain_seconds  = 30
    stop_seconds   = 45
  }))
  dynamic "volume" {
    for_each = local.volumes
    content {
      name = volume.value
    }
  }
  tags = local.tags
}

resource "aws_scheduler_schedule" "timed" {
  for_each                     = var.timed
  name                         = "${var.name}-${each.key}"
  schedule_expression          = each.value.schedule
  schedule_expression_timezone = "UTC"
  kms_key_arn                  = aws_kms_key.this.arn
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }
  target {
    arn      = aws_ecs_cluster.this.arn
    role_arn = aws_iam_role.scheduler.arn
    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.command[each.key].arn
      launch_type         = "FARGATE"
      network_configuration {
        subnets          = var.private_subnet_ids
        security_groups  = [aws_security_group.processes.id]
        assign_public_ip = false
      }
    }
    retry_policy {
      maximum_retry_attempts = 0
    }
  }
}
