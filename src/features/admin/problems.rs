//! What the windows refuse, where staff decide of jobs.

crate::problem_kinds! {
    JOB_NOT_DEAD = 409 "job_not_dead" "The job was not given up" "لم يُتخلَّ عن المهمة"
        { "Only a job that is dead, after its last try, is tried again by hand; what waits is tried by itself. Read the job again." "لا تُعاد يدويًا إلا مهمة متوقفة نهائيًا بعد آخر محاولة؛ ما ينتظر يُحاوَل تلقائيًا. اقرأ المهمة من جديد." } [jobStatus];
    JOB_OPEN_ALREADY = 409 "job_open_already" "The same work waits already" "العمل نفسه ينتظر بالفعل"
        { "Another job of this kind has the same work to do, and it is still to run. Wait for it." "هناك مهمة أخرى من هذا النوع للعمل نفسه ولم تنتهِ بعد. انتظرها." };
    JOB_NOT_RETRYABLE = 409 "job_not_retryable" "Jobs of this kind are not tried again by hand" "لا تُعاد مهام هذا النوع يدويًا"
        { "This version of the program does not do such jobs any more, or does them only by itself." "لم يعد هذا الإصدار من البرنامج ينفّذ هذا النوع من المهام، أو ينفّذه تلقائيًا فقط." } [kind];
    JOB_NOT_CANCELLABLE = 409 "job_not_cancellable" "Jobs of this kind are not ended by hand" "لا تُلغى مهام هذا النوع يدويًا"
        { "What they were written for is still to be done, or they come again by themselves. Change what causes them instead." "ما كُتبت من أجله ما زال مطلوبًا، أو إنها تتكرر تلقائيًا. غيّر سببها بدلًا من ذلك." } [kind];
    JOB_NOT_WAITING = 409 "job_not_waiting" "The job waits no more" "لم تعد المهمة تنتظر"
        { "It runs, or has ended; only one that is queued or dead is ended by hand. Read the job again." "إنها تعمل الآن أو انتهت؛ لا تُلغى يدويًا إلا مهمة في الانتظار أو متوقفة نهائيًا. اقرأ المهمة من جديد." } [jobStatus];
}
