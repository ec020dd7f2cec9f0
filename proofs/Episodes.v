(** * Finite horizons: processes, visitations, the flow equations, the dual gap

    Stages are counted from 0 here and from 1 in the book: stage [h] of these files is its h + 1.
    The first state is drawn from any law [start]; the book's starts in one state. *)

From Proofs Require Export Gibbs.

Record process (State Action : Type) : Type := Process {
  states : list State;
  actions : list Action;
  start : State -> R;
  kernel : nat -> State -> Action -> State -> R
}.
Arguments states {State Action} _.
Arguments actions {State Action} _.
Arguments start {State Action} _.
Arguments kernel {State Action} _ _ _ _ _.

Definition pairs {State Action : Type} (M : process State Action) : list (State * Action) :=
  list_prod (states M) (actions M).

(** The kernel of a stage, as a map of pairs. *)
Definition next {State Action : Type} (M : process State Action) (h : nat)
  (sa : State * Action) : State -> R := kernel M h (fst sa) (snd sa).

Definition well_formed {State Action : Type} (M : process State Action) : Prop :=
  actions M <> []
  /\ distribution (states M) (start M)
  /\ forall h sa, In sa (pairs M) -> distribution (states M) (next M h sa).

(** A Markov policy: one law of the action for each stage and state. *)
Definition policy {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) : Prop :=
  forall h s, In s (states M) -> distribution (actions M) (π h s).

Definition positive_policy {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) : Prop :=
  forall h s, In s (states M) -> positive (actions M) (π h s).

(** There are such processes: one state, two actions. *)
Example coin_well_formed :
  well_formed (Process unit bool [tt] [true; false] (fun _ => 1) (fun _ _ _ _ => 1)).
Proof.
  split; [discriminate|]. split; [|intros h sa _]; split; intros; simpl; unfold next; simpl; lra.
Qed.

(** The law of the state at stage [h], and of the pair of state and action. *)
Fixpoint state_law {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat) : State -> R :=
  match h with
  | O => start M
  | S k => push (pairs M) (next M k) (joint (state_law M π k) (π k))
  end.

Definition visits {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat) : State * Action -> R :=
  joint (state_law M π h) (π h).

(** The entropy of visitation: sum over the stages h < H of H(d_h) *)
Definition visit_entropy {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) : R :=
  ∑ h ∈ seq 0 H, entropy (pairs M) (d h).

(** The visitation polytope K_p: not negative, and the flow equations. *)
Definition flow {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) : Prop :=
  (forall h sa, (h < H)%nat -> In sa (pairs M) -> 0 <= d h sa)
  /\ (forall s, (0 < H)%nat -> In s (states M) -> ∑ a ∈ actions M, d 0%nat (s, a) = start M s)
  /\ (forall h s, (S h < H)%nat -> In s (states M) ->
      ∑ a ∈ actions M, d (S h) (s, a) = push (pairs M) (next M h) (d h) s).

(** ** Elementary facts *)

Lemma in_seq_0 : forall h H : nat, In h (seq 0 H) -> (h < H)%nat.
Proof. intros h H inside. apply in_seq in inside. lia. Qed.

Lemma push_distribution : forall {T U : Type} (X : list T) (Y : list U) (K : T -> U -> R)
  (p : T -> R),
  distribution X p -> (forall x, In x X -> distribution Y (K x)) -> distribution Y (push X K p).
Proof.
  intros T U X Y K p [nonneg total] stochastic. split.
  - intros y inside. apply sum_nonneg. intros x inX.
    apply Rmult_le_pos; [apply nonneg, inX|apply (stochastic x inX), inside].
  - unfold push. rewrite sum_swap, <- total. apply sum_ext. intros x inX.
    rewrite sum_scal, (proj2 (stochastic x inX)). ring.
Qed.

(** E over the pushed law = E over x of E over y *)
Lemma push_mean : forall {T U : Type} (X : list T) (Y : list U) (K : T -> U -> R)
  (p : T -> R) (f : U -> R),
  mean Y (push X K p) f = mean X p (fun x => mean Y (K x) f).
Proof.
  intros T U X Y K p f. unfold mean, push.
  rewrite (sum_ext Y _ (fun y => ∑ x ∈ X, p x * (K x y * f y))).
  - rewrite sum_swap. apply sum_ext. intros x _. rewrite sum_scal. reflexivity.
  - intros y _. rewrite <- sum_scal_r. apply sum_ext. intros. ring.
Qed.

(** E over pairs = E over states of E over actions *)
Lemma joint_mean : forall {T U : Type} (X : list T) (Y : list U) (p : T -> R) (K : T -> U -> R)
  (f : T * U -> R),
  mean (list_prod X Y) (joint p K) f = mean X p (fun x => mean Y (K x) (fun y => f (x, y))).
Proof.
  intros T U X Y p K f. unfold mean. rewrite sum_pairs. apply sum_ext. intros x _.
  unfold joint. simpl. rewrite <- sum_scal. apply sum_ext. intros. ring.
Qed.

Lemma state_law_distribution : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M π -> distribution (states M) (state_law M π h).
Proof.
  intros State Action M π h [filled [begins moves]] pol. induction h as [|h IH]; simpl.
  - exact begins.
  - apply push_distribution; [|apply moves].
    apply joint_distribution; [exact IH|apply pol].
Qed.

Lemma visits_distribution : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M π -> distribution (pairs M) (visits M π h).
Proof.
  intros State Action M π h well pol. apply joint_distribution.
  - apply state_law_distribution; assumption.
  - apply pol.
Qed.

(** One stage more. *)
Lemma sum_stages : forall (f : nat -> R) (H : nat),
  ∑ h ∈ seq 0 (S H), f h = (∑ h ∈ seq 0 H, f h) + f H.
Proof. intros f H. rewrite seq_S, sum_app. simpl. ring. Qed.

Lemma telescope : forall (g : nat -> R) (H : nat),
  ∑ h ∈ seq 0 H, (g (S h) - g h) = g H - g 0%nat.
Proof.
  intros g H. induction H as [|H IH]; [simpl; ring|].
  rewrite sum_stages, IH. ring.
Qed.

(** Label: thm-polytope-markov.
    Part: markov.
    Covers: the visitation of a Markov policy lies in the polytope.
    Words: the visitations of a Markov policy are not negative and obey the flow equations.
    Narrower: nothing (policies with memory are the part before). *)
Theorem visits_flow : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (H : nat),
  well_formed M -> policy M π -> flow M H (visits M π).
Proof.
  intros State Action M π H well pol.
  assert (marginal : forall h s, In s (states M) ->
    ∑ a ∈ actions M, visits M π h (s, a) = state_law M π h s).
  { intros h s inside. unfold visits, joint. simpl.
    rewrite sum_scal, (proj2 (pol h s inside)). ring. }
  split; [|split].
  - intros h sa _ inside. apply (visits_distribution M π h well pol), inside.
  - intros s _ inside. apply (marginal 0%nat s inside).
  - intros h s _ inside. apply (marginal (S h) s inside).
Qed.

(** The marginal of a flow, stage after stage; beyond the last stage it is pushed once more. *)
Definition flow_law {State Action : Type} (M : process State Action)
  (d : nat -> State * Action -> R) (h : nat) : State -> R :=
  match h with
  | O => start M
  | S k => push (pairs M) (next M k) (d k)
  end.

Lemma flow_marginal : forall {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) (h : nat) (s : State),
  flow M H d -> (h < H)%nat -> In s (states M) ->
  ∑ a ∈ actions M, d h (s, a) = flow_law M d h s.
Proof.
  intros State Action M H d h s [_ [first later]] stage inside.
  destruct h as [|h]; simpl; auto.
Qed.

Lemma flow_distribution : forall {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) (h : nat),
  well_formed M -> flow M H d -> (h < H)%nat -> distribution (pairs M) (d h).
Proof.
  intros State Action M H d h [filled [begins moves]] fl stage. split.
  { intros sa inside. apply fl; assumption. }
  assert (marginal : forall k, (k < H)%nat ->
    sum (pairs M) (d k) = sum (states M) (flow_law M d k)).
  { intros k stage'. unfold pairs. rewrite sum_pairs. apply sum_ext. intros s inside.
    apply (flow_marginal M H d k s fl stage' inside). }
  induction h as [|h IH]; rewrite marginal by exact stage; simpl.
  - apply begins.
  - unfold push. rewrite sum_swap, <- IH by lia. apply sum_ext. intros sa inside.
    rewrite sum_scal, (proj2 (moves h sa inside)). ring.
Qed.

(** What potentials earn along a flow telescopes: the sum over stages of
    E_{d_h}[V_h(s) - (p_h V_{h+1})(s, a)] is E V_0 at the start, if V ends at 0. *)
Lemma flow_telescope : forall {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) (V : nat -> State -> R),
  flow M H d -> (forall s, In s (states M) -> V H s = 0) ->
  ∑ h ∈ seq 0 H,
    mean (pairs M) (d h) (fun sa => V h (fst sa) - mean (states M) (next M h sa) (V (S h)))
  = mean (states M) (start M) (V 0%nat).
Proof.
  intros State Action M H d V fl ends.
  set (g := fun h => mean (states M) (flow_law M d h) (V h)).
  rewrite (sum_ext (seq 0 H) _ (fun h => - (g (S h) - g h))).
  - rewrite sum_opp, telescope.
    assert (last : g H = 0).
    { unfold g, mean. apply sum_zero. intros s inside. rewrite ends by exact inside. ring. }
    rewrite last. unfold g. simpl. ring.
  - intros h stage. apply in_seq_0 in stage. rewrite mean_minus.
    assert (now : mean (pairs M) (d h) (fun sa => V h (fst sa)) = g h).
    { unfold g, mean, pairs. rewrite sum_pairs. apply sum_ext. intros s inside. simpl.
      rewrite sum_scal_r, (flow_marginal M H d h s fl stage inside). reflexivity. }
    assert (later : g (S h)
      = mean (pairs M) (d h) (fun sa => mean (states M) (next M h sa) (V (S h)))).
    { unfold g. simpl. apply push_mean. }
    rewrite now, later. ring.
Qed.

(** ** The duality gap is a sum of divergences *)

(** x_h(s, a) = (p_h V_{h+1})(s, a) - V_h(s) *)
Definition dual_logit {State Action : Type} (M : process State Action) (V : nat -> State -> R)
  (h : nat) (sa : State * Action) : R :=
  mean (states M) (next M h sa) (V (S h)) - V h (fst sa).

(** D(V) = E V_1(s_1) + sum_h log sum_{s,a} e^{x_h(s,a)}, the inner sum over the pairs that [keep]
    admits at stage h: all, or those whose state is reachable. *)
Definition dual {State Action : Type} (M : process State Action) (H : nat)
  (keep : nat -> State * Action -> bool) (V : nat -> State -> R) : R :=
  mean (states M) (start M) (V 0%nat)
  + ∑ h ∈ seq 0 H, logsumexp (filter (keep h) (pairs M)) (dual_logit M V h).

Lemma sum_filter : forall {T : Type} (X : list T) (keep : T -> bool) (f : T -> R),
  (forall x, In x X -> keep x = false -> f x = 0) -> sum (filter keep X) f = sum X f.
Proof.
  intros T X keep f zero. induction X as [|x X IH]; simpl; [reflexivity|].
  assert (rest : sum (filter keep X) f = sum X f).
  { apply IH. intros y inside. apply zero. right. exact inside. }
  destruct (keep x) eqn:kept; simpl; rewrite rest; [reflexivity|].
  rewrite (zero x) by (try exact kept; left; reflexivity). ring.
Qed.

(** Label: thm-dual-gap.
    Covers: the whole statement.
    Words: for every V that ends at 0 and every d of the polytope, D(V) - H_visit(d) is the sum over
    the stages of KL(d_h || softmax x_h), and it is not negative; the sums run over any set of pairs
    outside which d has no mass, so over the reachable ones, or over all.
    Wider: any law of the first state, any horizon, any such set of pairs. *)
Theorem dual_gap : forall {State Action : Type} (M : process State Action) (H : nat)
  (keep : nat -> State * Action -> bool) (V : nat -> State -> R)
  (d : nat -> State * Action -> R),
  well_formed M -> flow M H d ->
  (forall s, In s (states M) -> V H s = 0) ->
  (forall h sa, In sa (pairs M) -> keep h sa = false -> d h sa = 0) ->
  let kept := fun h => filter (keep h) (pairs M) in
  dual M H keep V - visit_entropy M H d
  = ∑ h ∈ seq 0 H, kl (kept h) (d h) (softmax (kept h) (dual_logit M V h))
  /\ 0 <= dual M H keep V - visit_entropy M H d.
Proof.
  intros State Action M H keep V d well fl ends support kept.
  assert (dist : forall h, (h < H)%nat -> distribution (kept h) (d h)).
  { intros h stage. assert (all := flow_distribution M H d h well fl stage). split.
    - intros sa inside. apply filter_In in inside. apply all, inside.
    - unfold kept. rewrite sum_filter by (intros sa inside; apply support, inside). apply all. }
  assert (gap : dual M H keep V - visit_entropy M H d
    = ∑ h ∈ seq 0 H, kl (kept h) (d h) (softmax (kept h) (dual_logit M V h))).
  { rewrite (sum_ext (seq 0 H) (fun h => kl (kept h) (d h) _)
      (fun h => logsumexp (kept h) (dual_logit M V h) - entropy (pairs M) (d h)
        + mean (pairs M) (d h)
            (fun sa => V h (fst sa) - mean (states M) (next M h sa) (V (S h))))).
    - rewrite sum_plus, sum_minus, (flow_telescope M H d V fl ends).
      unfold dual, visit_entropy, kept. ring.
    - intros h stage. apply in_seq_0 in stage.
      assert (g := gibbs (kept h) (d h) (dual_logit M V h) (proj2 (dist h stage))).
      assert (same : entropy (kept h) (d h) = entropy (pairs M) (d h)).
      { unfold entropy, kept. rewrite sum_filter; [reflexivity|].
        intros sa inside out. rewrite (support h sa inside out). ring. }
      assert (earned : mean (kept h) (d h) (dual_logit M V h)
        = - mean (pairs M) (d h)
              (fun sa => V h (fst sa) - mean (states M) (next M h sa) (V (S h)))).
      { unfold mean at 1 2, kept. rewrite sum_filter.
        - rewrite <- sum_opp. apply sum_ext. intros. unfold dual_logit. ring.
        - intros sa inside out. rewrite (support h sa inside out). ring. }
      lra. }
  split; [exact gap|]. rewrite gap. apply sum_nonneg. intros h stage. apply in_seq_0 in stage.
  assert (filled := distribution_filled (kept h) (d h) (proj2 (dist h stage))).
  apply kl_nonneg; [apply dist, stage|apply softmax_distribution, filled|].
  apply softmax_dominates, filled.
Qed.

(** Label: eq-cross-entropy.
    Covers: the whole equation.
    Words: <d, log 1/d'> = H_visit(d) + KL(d || d'), all summed over the stages.
    Narrower: nothing. *)
Theorem cross_entropy_stages : forall {State Action : Type} (M : process State Action) (H : nat)
  (d d' : nat -> State * Action -> R),
  ∑ h ∈ seq 0 H, mean (pairs M) (d h) (fun sa => - ln (d' h sa))
  = visit_entropy M H d + ∑ h ∈ seq 0 H, kl (pairs M) (d h) (d' h).
Proof.
  intros State Action M H d d'. unfold visit_entropy. rewrite <- sum_plus.
  apply sum_ext. intros h _. apply cross_entropy.
Qed.

(** Label: cor-certificate.
    Part: bound.
    Covers: the two inequalities behind the certificate, for each d.
    Words: if d' is not negative and adds up to at most 1 in each stage, then for every d of the
    polytope <d, log 1/d'> = H_visit(d) + KL(d || d') and KL(d || d') >= 0, all summed over the
    stages; so any upper bound of <d, log 1/d'> over the polytope bounds H_visit.
    Narrower: for d dominated by d' (elsewhere the book's log 1/0 is infinite); the optimum d* and
    that one backward induction computes U are not treated. *)
Theorem prediction_certificate : forall {State Action : Type} (M : process State Action) (H : nat)
  (d d' : nat -> State * Action -> R),
  well_formed M -> flow M H d ->
  (forall h, (h < H)%nat -> (forall sa, In sa (pairs M) -> 0 <= d' h sa)
    /\ sum (pairs M) (d' h) <= 1 /\ dominated (pairs M) (d h) (d' h)) ->
  ∑ h ∈ seq 0 H, mean (pairs M) (d h) (fun sa => - ln (d' h sa))
  = visit_entropy M H d + ∑ h ∈ seq 0 H, kl (pairs M) (d h) (d' h)
  /\ 0 <= ∑ h ∈ seq 0 H, kl (pairs M) (d h) (d' h).
Proof.
  intros State Action M H d d' well fl fits. split; [apply cross_entropy_stages|].
  apply sum_nonneg. intros h stage. apply in_seq_0 in stage.
  destruct (fits h stage) as [nonneg [sub dom]].
  apply kl_nonneg_sub; try assumption. apply (flow_distribution M H d h well fl stage).
Qed.

(** ** Every point of the polytope is the visitation of a Markov policy *)

(** pi_h(a|s) = d_h(s, a) / d_h(s) where d_h(s) > 0, and uniform elsewhere. *)
Definition realisation {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) (h : nat) (s : State) (a : Action) : R :=
  let mass := ∑ b ∈ actions M, d h (s, b) in
  if (h <? H)%nat then
    if Req_EM_T mass 0 then uniform (actions M) a else d h (s, a) / mass
  else uniform (actions M) a.

Lemma realisation_policy : forall {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R),
  well_formed M -> flow M H d -> policy M (realisation M H d).
Proof.
  intros State Action M H d [filled _] fl h s inside.
  assert (even := proj1 (uniform_distribution (actions M) filled)).
  destruct (h <? H)%nat eqn:early.
  2: { unfold realisation. rewrite early. exact even. }
  apply Nat.ltb_lt in early.
  destruct (Req_EM_T (∑ b ∈ actions M, d h (s, b)) 0) as [none|some].
  { assert (same : realisation M H d h s = uniform (actions M)).
    { extensionality a. unfold realisation. destruct (h <? H)%nat; [|reflexivity].
      destruct (Req_EM_T _ 0); [reflexivity|contradiction]. }
    rewrite same. exact even. }
  assert (same : realisation M H d h s
    = fun a => d h (s, a) * / (∑ b ∈ actions M, d h (s, b))).
  { extensionality a. unfold realisation. apply Nat.ltb_lt in early. rewrite early.
    destruct (Req_EM_T _ 0); [contradiction|reflexivity]. }
  assert (nonneg : forall a, In a (actions M) -> 0 <= d h (s, a)).
  { intros a inA. apply (proj1 fl); [exact early|]. apply in_prod; assumption. }
  assert (mass := sum_nonneg (actions M) (fun b => d h (s, b)) nonneg).
  rewrite same. split.
  - intros a inA. apply Rmult_le_pos; [apply nonneg, inA|].
    apply Rlt_le, Rinv_0_lt_compat. lra.
  - rewrite sum_scal_r. apply Rinv_r. exact some.
Qed.

(** Label: thm-polytope-markov.
    Part: markov.
    Covers: every point of the polytope is the visitation of the Markov policy that it names.
    Words: for d in K_p and pi_h(a|s) = d_h(s, a) / d_h(s), uniform where d_h(s) = 0, pi is a policy
    and its visitations are d.
    Narrower: nothing (the compactness of K_p and policies with memory are other parts). *)
Theorem polytope_markov : forall {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R),
  well_formed M -> flow M H d ->
  policy M (realisation M H d)
  /\ forall h sa, (h < H)%nat -> In sa (pairs M) -> visits M (realisation M H d) h sa = d h sa.
Proof.
  intros State Action M H d well fl.
  assert (pol := realisation_policy M H d well fl). split; [exact pol|].
  set (π := realisation M H d) in *.
  assert (law : forall h s, (h < H)%nat -> In s (states M) ->
    state_law M π h s = flow_law M d h s
    -> forall a, In a (actions M) -> visits M π h (s, a) = d h (s, a)).
  { intros h s stage inS same a inA. unfold visits, joint. cbn [fst snd]. rewrite same.
    rewrite <- (flow_marginal M H d h s fl stage inS). unfold π, realisation.
    assert (early := stage). apply Nat.ltb_lt in early. rewrite early.
    destruct (Req_EM_T (∑ b ∈ actions M, d h (s, b)) 0) as [none|some]; [|field; exact some].
    rewrite none, Rmult_0_l. symmetry.
    apply (sum_nonneg_zero (actions M) (fun b => d h (s, b))); [|exact none|exact inA].
    intros b inB. apply (proj1 fl); [exact stage|apply in_prod; assumption]. }
  intro h. induction h as [|h IH]; intros [s a] stage inside;
    apply in_prod_iff in inside; destruct inside as [inS inA]; apply law; auto.
  simpl. apply sum_ext. intros sa inP. change (joint (state_law M π h) (π h)) with (visits M π h).
  rewrite IH by (try lia; exact inP). reflexivity.
Qed.

(** ** Visitation entropy is concave on the polytope *)

(** Label: thm-concavity.
    Part: identity.
    Covers: part 1, all of it.
    Words: for weights w and points d^i that are distributions in every stage, H_visit of the mean
    less the mean of H_visit is sum_i w_i sum_h KL(d^i_h || mean_h) >= 0, and it is 0 only if all
    d^i with w_i > 0 are equal to the mean.
    Narrower: nothing (points of K_p are distributions in every stage: [flow_distribution]). *)
Theorem concavity_stages : forall {I State Action : Type} (M : process State Action) (H : nat)
  (points : list I) (w : I -> R) (d : I -> nat -> State * Action -> R),
  distribution points w ->
  (forall i h, In i points -> (h < H)%nat -> distribution (pairs M) (d i h)) ->
  let average := fun h sa => ∑ i ∈ points, w i * d i h sa in
  let defect := visit_entropy M H average - ∑ i ∈ points, w i * visit_entropy M H (d i) in
  defect = ∑ i ∈ points, w i * (∑ h ∈ seq 0 H, kl (pairs M) (d i h) (average h))
  /\ 0 <= defect
  /\ (defect = 0 -> forall i, In i points -> 0 < w i ->
      forall h sa, (h < H)%nat -> In sa (pairs M) -> d i h sa = average h sa).
Proof.
  intros I State Action M H points w d [nonneg total] dist average defect.
  assert (value : defect
    = ∑ i ∈ points, w i * (∑ h ∈ seq 0 H, kl (pairs M) (d i h) (average h))).
  { unfold defect, visit_entropy.
    rewrite (sum_ext points (fun i => w i * (∑ h ∈ seq 0 H, entropy (pairs M) (d i h)))
      (fun i => ∑ h ∈ seq 0 H, w i * entropy (pairs M) (d i h)))
      by (intros; rewrite sum_scal; reflexivity).
    rewrite (sum_ext points (fun i => w i * (∑ h ∈ seq 0 H, kl (pairs M) (d i h) (average h)))
      (fun i => ∑ h ∈ seq 0 H, w i * kl (pairs M) (d i h) (average h)))
      by (intros; rewrite sum_scal; reflexivity).
    rewrite !(sum_swap points), <- sum_minus. apply sum_ext. intros h _.
    apply (concavity_identity points (pairs M) w (fun i => d i h)). }
  assert (average_dist : forall h, (h < H)%nat -> distribution (pairs M) (average h)).
  { intros h stage. split.
    - intros sa inP. apply sum_nonneg. intros i inI.
      apply Rmult_le_pos; [apply nonneg, inI|apply (dist i h inI stage), inP].
    - unfold average. rewrite sum_swap, <- total. apply sum_ext. intros i inI.
      rewrite sum_scal, (proj2 (dist i h inI stage)). ring. }
  assert (dom : forall i h, In i points -> (h < H)%nat -> 0 < w i ->
    dominated (pairs M) (d i h) (average h)).
  { intros i h inI stage pos sa inP zero.
    assert (term : w i * d i h sa = 0).
    { apply (sum_nonneg_zero points (fun i => w i * d i h sa)); [|exact zero|exact inI].
      intros j inJ. apply Rmult_le_pos; [apply nonneg, inJ|apply (dist j h inJ stage), inP]. }
    apply Rmult_integral in term. lra. }
  assert (each : forall i h, In i points -> (h < H)%nat -> 0 < w i ->
    0 <= kl (pairs M) (d i h) (average h)).
  { intros i h inI stage pos. apply kl_nonneg; auto. }
  assert (terms : forall i, In i points ->
    0 <= w i * (∑ h ∈ seq 0 H, kl (pairs M) (d i h) (average h))).
  { intros i inI. destruct (Req_dec (w i) 0) as [none|some]; [rewrite none; lra|].
    assert (pos : 0 < w i) by (assert (h := nonneg i inI); lra).
    apply Rmult_le_pos; [lra|]. apply sum_nonneg. intros h stage. apply in_seq_0 in stage.
    apply each; assumption. }
  split; [exact value|]. split; [rewrite value; apply sum_nonneg, terms|].
  intros zero i inI pos h sa stage inP. rewrite value in zero.
  assert (product := sum_nonneg_zero points _ terms zero i inI). cbv beta in product.
  apply Rmult_integral in product. destruct product as [none|stages]; [lra|].
  assert (here : kl (pairs M) (d i h) (average h) = 0).
  { apply (sum_nonneg_zero (seq 0 H) (fun h => kl (pairs M) (d i h) (average h)));
      [|exact stages|apply in_seq; lia].
    intros k stage'. apply in_seq_0 in stage'. apply each; assumption. }
  apply (kl_zero (pairs M) (d i h) (average h)); auto.
Qed.
