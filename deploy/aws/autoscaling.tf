# How many processes each role has. Up at once, down slowly: what is interrupted is done again, and a new `delivery` has cold caches.

resource "aws_appautoscaling_target" "role" {
  for_each           = var.roles
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.role[each.key].name}"
  min_capacity       = each.value.min
  max_capacity       = each.value.max
}

resource "aws_appautoscaling_policy" "processor" {
  for_each           = var.roles
  name               = "${var.name}-${each.key}-processor"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.role[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.role[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.role[each.key].resource_id
  target_tracking_scaling_policy_configuration {
    # Converting may use all that it has.
    target_value       = each.key == "transcode" ? 85 : 60
    scale_out_cooldown = 30
    scale_in_cooldown  = contains(["transcode", "delivery"], each.key) ? 900 : 300
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
