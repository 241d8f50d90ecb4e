import type { How, Mutant } from "./mutants";

/**
 * What of the program may be changed without any policy minding, and why. Paths are as a mutant shows them; what stands in a
 * list is called by its name.
 */
export interface Free {
  what: RegExp;
  /** Free in this way only; in every way where not set. */
  how?: readonly How[];
  why: string;
}

/** True when the table lets a mutant be. */
export function excuses({ what, how }: Free, mutant: Pick<Mutant, "what" | "how">): boolean {
  return what.test(mutant.what) && (how?.includes(mutant.how) ?? true);
}

/** Types that no policy looks at. */
export const NOT_JUDGED: Readonly<Record<string, string>> = {
  "pulumi:providers:aws": "how AWS is reached; what is made there is judged",
  "pulumi:providers:docker": "how the engine is reached; what is made there is judged",
  "pulumi:providers:postgresql": "how the server is reached; what is made there is judged",
  "docker:index/secret:Secret":
    "what a secret says is nobody's business; one that is missing lets no service start",
  "aws:cloudwatch/dashboard:Dashboard": "what people look at; no page depends on it",
  "aws:ses/emailIdentity:EmailIdentity":
    "an address that agreed to be sent from; who may send from it is judged by the credentials",
  "aws:iam/user:User": "a user without a policy may do nothing, and the policies are judged",
  "aws:iam/accessKey:AccessKey": "whose key it is; what its user may do is judged",
};

export const FREE: readonly Free[] = [
  // The whole stack.
  {
    what: /^(Service|Volume|Network|Topic|MetricAlarm|AlarmMuteRule|UserPolicy) \S+ (name|displayName)$/,
    why: "names are the stack's",
  },
  {
    what: /^(Service|Volume|Network) \S+ (labels|taskSpec\/containerSpec\/labels)(\/\[fitnesscrm\.\w+\](\/\w+)?)?$/,
    why: "labels are for people and scripts, but for the one that says which service it is",
  },
  {
    what: /^Network foundation( driver)?$/,
    why: "without the network, or with one of another kind, no service can be made",
  },
  {
    what: /^(\w+) \S+ (bucket|topic|role|owner|user|policy|data|environment|triggers|okActions|alarmActions|muteTargets|taskSpec) reference$/,
    how: ["removed"],
    why: "a value that is known says the same as the reference, and is judged in its place",
  },
  {
    what: /^(Bucket(Versioning|ServerSideEncryptionConfiguration|PublicAccessBlock|OwnershipControls|Policy|LifecycleConfiguration)) \S+ bucket$/,
    why: "the reference says whose it is, as long as the value is not known",
  },
  {
    what: /^(TopicSubscription \S+ topic|MetricAlarm \S+ (ok|alarm)Actions\/\[0\])$/,
    how: ["removed", "other"],
    why: "the reference says whom it tells, as long as the value is not known",
  },

  // On-call.
  {
    what: /^ServiceConfig \S+-on-call( data.*)?$/,
    why: "by it ops counts for how long the rota is declared; who is paged stands in the subscriptions, which are judged",
  },
  {
    what: /^TopicSubscription chain-\S+ filterPolicy$/,
    how: ["removed"],
    why: "who is not spared anything hears more, not less",
  },
  {
    what: /^TopicSubscription chain-\S+ filterPolicy\/\/\$or\/\[1\]/,
    why: "whether the chain hears of the end, too; that it hears of trouble is judged",
  },
  {
    what: /^MetricAlarm \S+ dependsOn gate-after$/,
    how: ["removed"],
    why: "an alarm on silence that is declared before metrics arrive pages too early, not too late",
  },

  // The maintenance window.
  {
    what: /^AlarmMuteRule \S+( muteTargets\/alarmNames\/\[\d+\])?$/,
    how: ["removed"],
    why: "what is not kept quiet pages more, not less",
  },
  { what: /^AlarmMuteRule \S+ description$/, why: "text for people" },
  {
    what: /^ServiceConfig \S+-maintenance( data.*)?$/,
    why: "by it ops counts for how long windows are declared, and may leave the mail out that tells of them; which alarms are quiet when stands in the rules, which are judged",
  },
  // Reports and mail.
  {
    what: /^ServiceConfig \S+-(mail|reports)( data.*)?$/,
    why: "who reads reports, and who they are from; the key sends from its one address only, which is judged",
  },
  {
    what: /^ServiceConfig \S+-tasks data\/\/tasks\/\[report-\w+\](\/(name|service|cron|limitMinutes|missed))?$/,
    why: "a report that comes late, or not at all, pages nobody and hides no alarm",
  },
  {
    what: /^ServiceConfig \S+-tasks data\/\/tasks\/\[maintenance-notice\]\/limitMinutes$/,
    why: "a notice that is cut off is on record as incomplete, and its next run mails the rest",
  },

  {
    what: /^ServiceConfig \S+-tasks data\/\/tasks\/\[log-archive\]\/limitMinutes$/,
    why: "an archive of logs that is cut off has sent whole objects or none, and its next run sends the rest",
  },

  // Releases and gates.
  {
    what: /^Stack \S+ release\/(attempt|startedAt|by|backup|commit|dirty)$/,
    how: ["other"],
    why: "which release it is",
  },
  { what: /^Stack \S+ release\/app\/logLevel$/, how: ["other"], why: "how much the application logs" },
  { what: /^Stack \S+ release\/pinned$/, why: "not set means that no rollback holds it" },
  {
    what: /^Command (?!gate-(before|after))\S+( (create|triggers)(\/\[0\])?)?$/,
    why: "how an image is made, and whether a release has a migration, is the release's business; which image runs is judged",
  },
  {
    what: /^Command gate-\w+ triggers\/\[0\]$/,
    how: ["other"],
    why: "what the trigger is; that there is one is what counts",
  },
  {
    what: /^Command \S+ environment/,
    why: "what a command is told: one that is told too little fails, and the update with it",
  },
  { what: /^Command \S+ logging$/, why: "what people see of a command while it runs" },
  {
    what: /^(Service (agent|backend|ops|restore)|Command gate-(after|migrate)) dependsOn gate-before$/,
    why: "comes after the gate all the same, by way of the database or of the services",
  },

  // Services.
  {
    what: /containerSpec\/(args|commands)\/\[(\d|-c)\]$/,
    why: "-c, of which the server takes several forms, and what the application's image runs",
  },
  {
    what: /^Service (backend|frontend) taskSpec\/containerSpec\/(args|commands)$/,
    why: "what the application's image runs",
  },
  {
    what: /containerSpec\/args\/\[(superuser_reserved_connections|max_connections)\]$/,
    why: "PostgreSQL's own connection settings do as well, as long as the limits fit",
  },
  {
    what: /containerSpec\/args\/\[(pg_stat_statements\.\w+|shared_buffers|track_io_timing|log_lock_waits)\]$/,
    why: "sized to the host, or detail for whoever looks into a slow statement",
  },
  {
    what: /containerSpec\/args\/\[(log_timezone|timezone|idle_session_timeout|tcp_keepalives_idle)\]$/,
    why: "the manual says nothing of it",
  },
  {
    what: /containerSpec\/args\/\[(password_encryption|wal_level)\]$/,
    how: ["removed", "other"],
    why: "not set means scram-sha-256 and replica; a word that is no setting keeps the server from starting",
  },
  {
    what: /containerSpec\/env(\/(?!REDIS_)\w+)?$/,
    why: "the application's settings; only secrets are judged",
  },
  {
    what: /containerSpec\/(secrets|configs)(\/\[[^\]]+\](\/\w+)?)?$/,
    why: "what a container is given to read: one that lacks it does not get healthy",
  },
  {
    what: /containerSpec\/mounts\/\[(\/tmp|\/dev\/shm|\/run\/\w+)\](\/(target|type|tmpfsOptions\/sizeBytes))?$/,
    why: "a scratch folder less is no danger; how large it is is sized to the host, as long as it has a limit",
  },
  {
    what: /containerSpec\/mounts\/\[[^\]]+\]\/(target|volumeOptions(\/noCopy)?)$/,
    why: "where an image expects its volume is the image's business",
  },
  {
    what: /^Service agent taskSpec\/containerSpec\/mounts\/\[\/hostfs\/(proc|root)\](\/(source|type))?$/,
    why: "what the agent sees of the host, read-only and short of the engine's socket",
  },
  {
    what: /^Service engine taskSpec\/containerSpec\/mounts\/\[\/var\/run\/docker\.sock\](\/(source|type))?$/,
    why: "without the engine's socket it does not start; with another one it is judged as any mount is",
  },
  {
    what: /^Service (agent|nginx) taskSpec\/containerSpec\/mounts\/\[\/(var\/log\/edge|run\/engine)\](\/(readOnly|type))?$/,
    why: "lines of the log and the reader's socket, which keep nothing",
  },
  {
    what: /^Service ops taskSpec\/containerSpec\/mounts\/\[\/var\/log\/edge\](\/type)?$/,
    how: ["removed", "other"],
    why: "the edge's log, for a report, which says where it is missing",
  },
  {
    what: /^Service (ops|engine) taskSpec\/containerSpec\/mounts\/\[\/run\/engine-logs\](\/type)?$/,
    how: ["removed", "other"],
    why: "the socket of the engine's reader, which keeps nothing; without it the archive of logs fails",
  },
  {
    what: /^Service engine (update|rollback)Config\/order$/,
    why: "two readers at once cost a few values, and no data",
  },
  {
    what: /^Service (agent|engine|frontend|nginx) taskSpec\/containerSpec\/mounts$/,
    how: ["removed"],
    why: "these keep nothing",
  },
  {
    what: /^Service (backend|frontend) taskSpec\/containerSpec\/readOnly$/,
    why: "their images are not the project's",
  },
  { what: /healthcheck\/tests\/\[[12]\]$/, why: "what healthy means is the service's business" },
  {
    what: /healthcheck\/(interval|timeout|retries)$/,
    how: ["removed"],
    why: "not set means the engine's own, which is soon enough",
  },
  { what: /healthcheck\/startPeriod$/, why: "how long a service may take to start is its own business" },
  { what: /containerSpec\/capAdds(\/\[\d\])?$/, how: ["removed"], why: "fewer capabilities are stricter" },
  {
    what: /^Service (agent|engine|ops|restore|redis) taskSpec\/containerSpec\/stopGracePeriod$/,
    why: "no user waits for it, and what it is at can be done again",
  },
  {
    what: /taskSpec\/networksAdvanceds/,
    why: "a service that is not in the network reaches nobody and does not get healthy",
  },
  {
    what: /resources\/limits\/(memoryBytes|nanoCpus)$/,
    how: ["more", "less"],
    why: "sized to the host; that there is a limit is what counts",
  },
  {
    what: /restartPolicy\/(delay|window)$/,
    why: "how soon to try again; that it is tried for ever is what counts",
  },
  { what: /^Service nginx taskSpec\/placement/, why: "it keeps nothing: any node will do" },
  {
    what: /taskSpec\/placement\/constraints\/\[[^\]]+\]$/,
    how: ["other"],
    why: "which node has the data is told by a label of the stack's choice",
  },
  { what: /^Service (backend|frontend|nginx) mode/, why: "how many run is a matter of load" },
  { what: /endpointSpec(\/mode)?$/, why: "how names resolve; a stack without it does not start" },
  { what: /^Service nginx endpointSpec\/ports/, why: "where the edge listens is the stack's business" },
  {
    what: /convergeConfig\/(delay|timeout)$/,
    how: ["removed", "more", "less", "other"],
    why: "how long to wait; that it is waited for is what counts",
  },
  { what: /(update|rollback)Config\/delay$/, why: "how long to rest between two tasks" },
  {
    what: /updateConfig\/(maxFailureRatio|monitor|parallelism)$/,
    how: ["removed"],
    why: "not set means the engine's own: none may fail, 5 s, one at a time",
  },
  {
    what: /^Service (?!backend|frontend)\w+ (update|rollback)Config\/parallelism$/,
    why: "there is one task, or nobody waits for it",
  },
  { what: /rollbackConfig\/parallelism$/, how: ["removed"], why: "not set means one at a time" },
  {
    what: /^Service (?!backend|frontend)\w+ rollbackConfig(\/order)?$/,
    how: ["removed"],
    why: "stop-first is the default",
  },
  {
    what: /rollbackConfig\/(failureAction|maxFailureRatio|monitor)$/,
    why: "after a failed rollback the engine can only stop or go on",
  },
  {
    what: /^Service (nginx|agent) (update|rollback)Config\/order$/,
    why: "one holds a port that no second can have, the other serves nobody",
  },

  // The database.
  { what: /^Role database-(readonly|maintenance)( (login|name))?$/, why: "a role less is no danger" },
  {
    what: /^Role \S+ (superuser|createRole|createDatabase|replication|bypassRowLevelSecurity)$/,
    how: ["removed"],
    why: "not set means no",
  },
  {
    what: /^Role database-(app|readonly|maintenance) roles$/,
    how: ["removed"],
    why: "a membership less is no danger",
  },
  {
    what: /^Role database-maintenance roles\/\[1\]$/,
    how: ["removed", "other"],
    why: "without reading it finds no bloated index and archives nothing, which fails its step; a role that is dangerous is refused",
  },
  { what: /^Role \S+ password$/, why: "a secret; a role without one cannot log in" },
  {
    what: /^Role database-(app|backup|maintenance) statementTimeout$/,
    why: "users' statements, dumps and vacuums take as long as they take",
  },
  { what: /^Grant (?!database-everyone)\S+( \S+)?$/, how: ["removed"], why: "a right less is no danger" },
  { what: /^Grant database-everyone-database privileges$/, how: ["removed"], why: "not set means none" },
  {
    what: /^Grant \S+ (schema|objectType|role|privileges\/\[\d\])$/,
    how: ["other"],
    why: "reading only, or the application's own schema",
  },
  { what: /^DefaultPrivileges /, how: ["removed", "other"], why: "reading only; a right less is no danger" },
  { what: /^Extension \S+ database$/, why: "which database is looked at" },

  // Files.
  {
    what: /^ServiceConfig fitnesscrm-local-(entrypoint|http-check)( data)?$/,
    why: "scripts of the containers: one that does not work keeps its service from getting healthy",
  },
  {
    what: /^ServiceConfig \S+-tasks data\/\/tasks\/\[restore-drill\]\/missed$/,
    why: "a drill that was missed can wait for the next",
  },
  {
    what: /^ServiceConfig \S+-backup data\/\/(stack|region|release|endpoint|database(\/\w+)?|wal\/(stanza|prefix))$/,
    how: ["removed", "other", "more", "less"],
    why: "a wrong one fails the next backup, and the alarm on its age follows",
  },

  // The bucket.
  {
    what: /^Bucket \S+ (forceDestroy|bucket)$/,
    how: ["removed"],
    why: "not set means no, and a name that Pulumi makes",
  },
  {
    what: /^BucketServerSideEncryptionConfiguration \S+ rules\/\[0\]\/bucketKeyEnabled$/,
    why: "what encryption costs",
  },
  { what: /^BucketOwnershipControls \S+$/, how: ["removed"], why: "S3's own default is the same" },
  {
    what: /^BucketPolicy \S+ policy\/\/(Version|Statement\/\[\d\]\/Sid)$/,
    why: "what a statement is called",
  },
  {
    what: /^BucketPolicy \S+ policy\/\/Statement\/\[\d\]\/Action$/,
    how: ["wider"],
    why: "it denies: more is stricter",
  },
  { what: /^BucketLifecycleConfiguration \S+ rules\/\[[^\]]+\]\/id$/, why: "rules are called as one likes" },
  {
    what: /^BucketLifecycleConfiguration \S+ rules\/\[(expire-deployments|expire-incidents|expire-reports|clean-delete-markers)\]/,
    how: ["removed", "other"],
    why: "what is kept for longer is no loss",
  },
  {
    what: /^BucketLifecycleConfiguration \S+ rules\/\[expire-old-versions\]\/filter(\/prefix)?$/,
    how: ["removed"],
    why: "no filter covers everything, as an empty prefix does",
  },
  { what: /^UserPolicy \S+( user)?$/, why: "a credential less is no danger, whoever has it" },
  {
    what: /^UserPolicy \S+ policy\/\/(Version$|Statement\/\[\d\])/,
    how: ["removed", "other"],
    why: "a right less, or one to something that does not exist, is no danger; more of one is refused",
  },

  // Alarms.
  {
    what: /^TopicSubscription \S+( (protocol|endpoint))?$/,
    why: "who is told, and how, is the rota's business, as long as somebody is",
  },
  { what: /^MetricAlarm \S+ alarmDescription$/, why: "text for people" },
  {
    what: /^MetricAlarm \S+ datapointsToAlarm$/,
    how: ["removed"],
    why: "not set means all, and fewer is stricter",
  },
  { what: /^MetricAlarm \S+ actionsEnabled$/, how: ["removed"], why: "not set means yes" },
];
