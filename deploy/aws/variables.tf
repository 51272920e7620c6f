# What an installation says of itself. Invariant: nothing here is secret; passwords and keys are made in Secrets Manager.

variable "name" {
  description = "The name of the installation and of the environment, such as tutti-production. Everything is named after it."
  type        = string
  default     = "tutti"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "The name must have 2 to 21 small letters, digits and dashes, and begin with a letter."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets without public addresses, in at least two zones: processes and the database. They need a way to the registry, to S3 and to mail."
  type        = list(string)
  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "Two subnets in two zones are needed, so that any one may be lost."
  }
}

variable "public_subnet_ids" {
  description = "Subnets of the public load balancer, in at least two zones."
  type        = list(string)
}

variable "images" {
  description = "The images by target of deploy/Containerfile, with their digests."
  type = object({
    gateway   = string
    services  = string
    transcode = string
    cron      = string
  })
}

variable "files_image" {
  description = "An image with a shell that writes configuration and secrets into a volume before a process starts."
  type        = string
  default     = "public.ecr.aws/docker/library/busybox:1.37.0"
}

variable "site_url" {
  description = "The origin that members see, such as https://tutti.example."
  type        = string
}

variable "certificate_arn" {
  description = "The certificate of the site, in this region."
  type        = string
}

variable "bus_servers" {
  description = "The NATS servers, such as [\"nats://nats-0.internal:4222\"]: three with JetStream. AWS has no such service."
  type        = list(string)
}

variable "bus_password_secret_arn" {
  description = "The secret with the password of the NATS user `tutti`."
  type        = string
}

variable "mail" {
  description = "The mail server, as in [mail] of the configuration, and the secret with its password."
  type = object({
    from_address        = string
    smtp_host           = string
    smtp_username       = string
    password_secret_arn = string
  })
}

variable "extra_config" {
  description = "More of tutti.toml, sections that this module does not write."
  type        = string
  default     = ""
}

variable "database" {
  description = "The size of PostgreSQL. `ca_pem` is the region's bundle of RDS certificates; without it, TLS is used and the server's name is not checked."
  type = object({
    instance_class     = optional(string, "db.m7g.large")
    storage_gb         = optional(number, 100)
    max_storage_gb     = optional(number, 1000)
    engine_version     = optional(string, "18")
    backup_days        = optional(number, 14)
    deletion_protected = optional(bool, true)
    ca_pem             = optional(string, "")
  })
  default = {}
}

variable "roles" {
  description = "For each role: processor units (1024 is one), memory in MiB, and the fewest and most processes. Two of each is the smallest fleet in which any may die."
  type = map(object({
    cpu    = number
    memory = number
    min    = optional(number, 2)
    max    = optional(number, 8)
    disk   = optional(number, 21)
  }))
  default = {
    accounts   = { cpu = 1024, memory = 2048 }
    admin      = { cpu = 256, memory = 512, max = 2 }
    chat       = { cpu = 512, memory = 1024 }
    delivery   = { cpu = 1024, memory = 4096, max = 20 }
    gateway    = { cpu = 1024, memory = 2048, max = 20 }
    media      = { cpu = 1024, memory = 2048, max = 12 }
    moderation = { cpu = 256, memory = 512 }
    notify     = { cpu = 512, memory = 1024 }
    social     = { cpu = 1024, memory = 2048 }
    transcode  = { cpu = 4096, memory = 8192, max = 40, disk = 60 }
    webhooks   = { cpu = 256, memory = 512 }
  }
}

variable "timed" {
  description = "Commands that run from outside, by name: a schedule of EventBridge, the arguments, and the image if it is not that of cron."
  type = map(object({
    schedule  = string
    arguments = list(string)
    image     = optional(string)
  }))
  default = {
    objects-check = { schedule = "cron(17 3 * * ? *)", arguments = ["objects", "check"] }
    audit-verify  = { schedule = "cron(37 4 * * ? *)", arguments = ["audit", "verify"] }
    check-social  = { schedule = "cron(47 4 ? * SUN *)", arguments = ["check", "social"] }
  }
}

variable "console_cidrs" {
  description = "Networks of a VPN that reach the operators' listener (port 8082 of `admin`). It speaks HTTP: put a proxy with TLS before it."
  type        = list(string)
  default     = []
}

variable "log_days" {
  description = "Days for which log lines are kept."
  type        = number
  default     = 30
}

variable "people" {
  description = "Whether the policies of iam/ for viewers, developers and DevOps are made. Attach them to your groups or permission sets."
  type        = bool
  default     = true
}
