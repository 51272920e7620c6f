# Who may connect to whom. Invariant: the public load balancer reaches the gateway alone, and PostgreSQL is reached by processes alone.

resource "aws_security_group" "load_balancer" {
  name_prefix = "${var.name}-load-balancer-"
  description = "The public load balancer"
  vpc_id      = var.vpc_id
  tags        = local.tags
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "processes" {
  name_prefix = "${var.name}-processes-"
  description = "Processes of Tutti"
  vpc_id      = var.vpc_id
  tags        = local.tags
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "database" {
  name_prefix = "${var.name}-database-"
  description = "PostgreSQL"
  vpc_id      = var.vpc_id
  tags        = local.tags
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "public" {
  for_each          = { https = 443, http = 80 }
  security_group_id = aws_security_group.load_balancer.id
  description       = "Members (${each.key})"
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = each.value
  to_port           = each.value
  ip_protocol       = "tcp"
}

resource "aws_vpc_security_group_egress_rule" "to_gateways" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Gateways"
  referenced_security_group_id = aws_security_group.processes.id
  from_port                    = 8080
  to_port                      = 8081
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "from_load_balancer" {
  security_group_id            = aws_security_group.processes.id
  description                  = "The load balancer"
  referenced_security_group_id = aws_security_group.load_balancer.id
  from_port                    = 8080
  to_port                      = 8080
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "from_processes" {
  security_group_id            = aws_security_group.processes.id
  description                  = "Other roles, and the health checks of this group"
  referenced_security_group_id = aws_security_group.processes.id
  from_port                    = 8080
  to_port                      = 8082
  ip_protocol                  = "tcp"
}

resource "aws_vpc_security_group_ingress_rule" "console" {
  for_each          = toset(var.console_cidrs)
  security_group_id = aws_security_group.processes.id
  description       = "Operators' networks, to the console"
  cidr_ipv4         = each.value
  from_port         = 8082
  to_port           = 8082
  ip_protocol       = "tcp"
}

# To S3, the registry, Secrets Manager, NATS, mail, push services and the receivers of webhooks, which are anywhere. What webhooks may
# reach is the server's own rule (decision 36).
resource "aws_vpc_security_group_egress_rule" "from_processes" {
  security_group_id = aws_security_group.processes.id
  description       = "Engines, mail, and receivers of webhooks"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "Processes"
  referenced_security_group_id = aws_security_group.processes.id
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
}
