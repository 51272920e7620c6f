output "load_balancer" {
  description = "The name that the site's DNS entry points to."
  value       = aws_lb.public.dns_name
}

output "cluster" {
  description = "The cluster."
  value       = aws_ecs_cluster.this.name
}

output "database_endpoint" {
  description = "PostgreSQL, from within the network."
  value       = aws_db_instance.this.endpoint
}

output "objects_bucket" {
  description = "The bucket of objects."
  value       = aws_s3_bucket.objects.bucket
}

output "migrate" {
  description = "The task definition of `tutti migrate`, and where it runs."
  value = {
    task_definition = aws_ecs_task_definition.command["migrate"].arn
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.processes.id]
  }
}

output "people" {
  description = "The policies of viewers, developers and DevOps."
  value       = { for role, policy in aws_iam_policy.people : role => policy.arn }
}
